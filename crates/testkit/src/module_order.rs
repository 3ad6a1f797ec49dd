//! Checks that the modules of a crate use one another in one direction.
//!
//! A crate's order is the order of the `mod` lines in its front files, lowest first: a module may
//! use what was declared above it in the same file, and its own children. It may use neither what
//! is declared below it nor the file that declares it, for that file uses it. There are no
//! exceptions; shared parts of two modules belong in a third, above both.
//!
//! The source is read as text. Comments, literals and test modules do not count.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A module's path from the crate's root, which is the empty one.
type ModulePath = Vec<String>;

/// One module: its file, and its children in the order of their declaration.
struct Module {
    file: PathBuf,
    code: String,
    children: Vec<String>,
}

/// Fails, naming each offending import, unless the crate whose root file is `root` keeps its order.
///
/// # Panics
///
/// When an import points up, or a file cannot be read.
pub fn assert_order(root: &Path) {
    let crate_ = Crate::read(root);
    let wrong: Vec<_> = crate_.modules.keys().flat_map(|path| crate_.wrong_uses_of(path)).collect();
    assert!(crate_.modules.len() > 1, "{} declares no module", root.display());
    assert!(wrong.is_empty(), "{} imports point up:\n{}", wrong.len(), wrong.join("\n"));
}

struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

impl Crate {
    fn read(root: &Path) -> Self {
        let folder = root.parent().expect("the root file is in a folder");
        let mut crate_ = Self { modules: BTreeMap::new() };
        crate_.add(Vec::new(), root.to_owned(), folder);
        crate_
    }

    fn add(&mut self, path: ModulePath, file: PathBuf, children_in: &Path) {
        let text =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let code = code_of(&text);
        let children = declared_in(&code);
        for child in &children {
            let mut child_path = path.clone();
            child_path.push(child.clone());
            let file = children_in.join(format!("{child}.rs"));
            self.add(child_path, file, &children_in.join(child));
        }
        self.modules.insert(path, Module { file, code, children });
    }

    /// A line for each use in a module that its place in the order forbids.
    fn wrong_uses_of(&self, from: &ModulePath) -> Vec<String> {
        let module = &self.modules[from];
        let uses = uses_in(&module.code, from);
        let wrong = uses.into_iter().filter_map(|name| {
            let why = self.why_not(from, &self.module_of(&name))?;
            Some(format!("{}: {} {why}", module.file.display(), name.join("::")))
        });
        wrong.collect()
    }

    /// The innermost module that a name leads to.
    fn module_of(&self, name: &[String]) -> ModulePath {
        let longest = (0..=name.len()).rev().find(|end| self.modules.contains_key(&name[..*end]));
        name[..longest.unwrap_or(0)].to_vec()
    }

    fn why_not(&self, from: &ModulePath, to: &ModulePath) -> Option<String> {
        if to.starts_with(from) {
            return None;
        }
        if from.starts_with(to) {
            return Some("is in a file that declares this one".to_owned());
        }
        let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        let order = &self.modules[&from[..shared]].children;
        let place = |path: &ModulePath| order.iter().position(|child| *child == path[shared]);
        (place(to) > place(from))
            .then(|| format!("is declared after {}", from[..=shared].join("::")))
    }
}

/// A source file without comments, without the text of its literals, and without the test module at
/// its end.
fn code_of(text: &str) -> String {
    let (mut code, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        let comment = rest.starts_with("//").then(|| rest.find('\n').unwrap_or(rest.len()));
        if let Some(end) = comment.or_else(|| literal_end(rest)) {
            rest = &rest[end..];
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    let mut lines: Vec<_> = code.lines().filter(|line| !line.trim().is_empty()).collect();
    let tests = lines.windows(2).position(|pair| {
        pair[0] == "#[cfg(test)]" && pair[1].trim_start_matches("pub(crate) ").starts_with("mod ")
    });
    lines.truncate(tests.unwrap_or(lines.len()));
    lines.join("\n")
}

/// Where the literal ends that `text` begins with: a string, a raw string, or a quotation mark.
fn literal_end(text: &str) -> Option<usize> {
    if let Some(mark) = ["'\"'", "'\\\"'"].iter().find(|mark| text.starts_with(**mark)) {
        return Some(mark.len());
    }
    if let Some(raw) = text.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let inside = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let begin = text.len() - inside.len();
        return Some(inside.find(&end).map_or(text.len(), |at| begin + at + end.len()));
    }
    let inside = text.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = inside.find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    Some(end.map_or(text.len(), |at| at + 2))
}

/// The modules that a file declares, in order; those that it holds itself do not count.
fn declared_in(code: &str) -> Vec<String> {
    let declared = code.lines().filter_map(|line| {
        let (before, name) = line.strip_suffix(';')?.rsplit_once("mod ")?;
        let visibility = before.trim();
        (visibility.is_empty() || visibility.starts_with("pub")).then(|| name.to_owned())
    });
    declared.collect()
}

/// Every name in `code` that begins at the crate's root or at a module above `from`, as a path from
/// the root.
fn uses_in(code: &str, from: &ModulePath) -> Vec<Vec<String>> {
    let mut uses = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        // A visibility is not a use.
        if code[..at].ends_with("pub(in ") {
            continue;
        }
        let names = expand(&code[at + "crate::".len()..]).into_iter().map(|name| split(&name));
        // Text that only mentions the word has no name after it.
        uses.extend(names.filter(|name| !name.is_empty()));
    }
    for (at, _) in code.match_indices("super::") {
        // The later ones of `super::super::` were counted with the first.
        if code[..at].ends_with("super::") {
            continue;
        }
        let mut rest = &code[at..];
        let mut levels = 0;
        while let Some(shorter) = rest.strip_prefix("super::") {
            (rest, levels) = (shorter, levels + 1);
        }
        // Inside an inline module the first level up is this file itself.
        let levels = levels - inline_depth(&code[..at]).min(levels);
        let base = &from[..from.len().saturating_sub(levels)];
        let names = expand(rest).into_iter().map(|name| split(&name));
        let names = names.filter(|name| !name.is_empty());
        uses.extend(names.map(|name| [base, &name].concat()));
    }
    uses
}

/// How many inline modules are open at the end of `code`.
fn inline_depth(code: &str) -> usize {
    let mut open = Vec::new();
    let mut statement = String::new();
    for c in code.chars() {
        match c {
            '{' => open.push(std::mem::take(&mut statement)),
            '}' => drop(open.pop()),
            ';' => statement.clear(),
            c => statement.push(c),
        }
    }
    let is_module = |head: &&String| {
        let last_line = head.trim_end().rsplit('\n').next().unwrap_or_default();
        last_line.trim_start().trim_start_matches("pub ").starts_with("mod ")
    };
    open.iter().filter(is_module).count()
}

fn split(name: &str) -> Vec<String> {
    name.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Every path of the use tree that `text` begins with, such as `a::{b, c::d}`.
fn expand(text: &str) -> Vec<String> {
    let ends = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
    let (head, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
    if !rest.starts_with('{') || !(head.is_empty() || head.ends_with("::")) {
        return vec![head.trim_end_matches(':').to_owned()];
    }
    let (mut depth, mut start, mut paths) = (0, 1, Vec::new());
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || depth == 0 {
            let branch = rest[start..at].trim();
            if !branch.is_empty() {
                paths.extend(expand(branch).into_iter().map(|path| format!("{head}{path}")));
            }
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ModulePath {
        split(text)
    }

    fn names(code: &str, from: &str) -> Vec<String> {
        uses_in(code, &path(from)).iter().map(|name| name.join("::")).collect()
    }

    /// A crate of these modules, each with its code.
    fn crate_of(modules: &[(&str, &str)]) -> Crate {
        let module = |(name, text): &(&str, &str)| {
            let code = code_of(text);
            let children = declared_in(&code);
            (path(name), Module { file: PathBuf::from(name), code, children })
        };
        Crate { modules: modules.iter().map(module).collect() }
    }

    #[test]
    fn use_trees_are_read_to_their_leaves() {
        let code = "use crate::{a, b::C};\nuse crate::d::{self, E, f::{G, H}};\nx(crate::i::j());";
        let expected = ["a", "b::C", "d::self", "d::E", "d::f::G", "d::f::H", "i::j"];
        assert_eq!(names(code, "m"), expected);
    }

    #[test]
    fn names_from_above_are_found_from_the_root() {
        assert_eq!(names("use super::x::Y;", "a::b"), ["a::x::Y"]);
        assert_eq!(names("use super::super::Y;", "a::b::c"), ["a::Y"]);
        assert_eq!(names("mod inner {\n use super::Y;\n}", "a::b"), ["a::b::Y"]);
        assert_eq!(names("fn f() {}\nuse super::Y;", "a::b"), ["a::Y"]);
    }

    #[test]
    fn visibility_does_not_count() {
        assert_eq!(names("pub(in crate::a) fn f(x: crate::b::Y) {}", "a::c"), ["b::Y"]);
    }

    #[test]
    fn literals_do_not_count() {
        let text = r##"f("crate::a \"crate::b"); g('"', r#"crate::"c"#, '\"'); crate::d();"##;
        assert_eq!(names(&code_of(text), "m"), ["d"]);
    }

    #[test]
    fn comments_and_tests_do_not_count() {
        let text = "// crate::no\nuse crate::yes;\n#[cfg(test)]\nmod tests {\n use super::*;\n}";
        assert_eq!(names(&code_of(text), "a"), ["yes"]);
        assert_eq!(declared_in("pub mod a;\nmod b;\npub(crate) mod c;\nmod d {"), ["a", "b", "c"]);
    }

    #[test]
    fn a_module_may_use_what_was_declared_before_it_and_its_own_children() {
        let sound = crate_of(&[
            ("", "mod low;\nmod high;"),
            ("low", "use std::fmt;"),
            ("high", "mod part;\nuse crate::low::Thing;\nuse part::Other;"),
            ("high::part", "use crate::low::Thing;"),
        ]);
        for module in sound.modules.keys() {
            assert_eq!(sound.wrong_uses_of(module), [""; 0]);
        }
    }

    #[test]
    fn a_module_may_not_use_what_comes_after_it_nor_the_file_that_declares_it() {
        let crooked = crate_of(&[
            ("", "mod low;\nmod high;"),
            ("low", "use crate::high::Thing;"),
            ("high", "mod first;\nmod second;\npub struct Thing;"),
            ("high::first", "use super::second::Other;\nuse super::Thing;"),
            ("high::second", "use super::first::Fine;"),
        ]);
        let wrong = |module: &str| crooked.wrong_uses_of(&path(module));
        assert_eq!(wrong("low"), ["low: high::Thing is declared after low"]);
        assert_eq!(
            wrong("high::first"),
            [
                "high::first: high::second::Other is declared after high::first",
                "high::first: high::Thing is in a file that declares this one",
            ]
        );
        assert_eq!(wrong("high::second"), [""; 0]);
    }
}
