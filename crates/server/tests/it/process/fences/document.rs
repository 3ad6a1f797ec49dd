//! A Markdown file read for its commands.

/// The commands of a file.
#[derive(Debug, Default)]
pub(in crate::process) struct Document {
    /// The `sh` fences, in order.
    pub(in crate::process) tour: Vec<Fence>,
    /// The commands of `console` fences, and the program's own that stand within sentences.
    pub(in crate::process) named: Vec<String>,
    /// How many outputs stand below no `sh` fence, so that nothing checks them.
    pub(in crate::process) unchecked: usize,
}

/// Commands, and what the fence below them shows.
#[derive(Debug)]
pub(in crate::process) struct Fence {
    pub(in crate::process) commands: String,
    pub(in crate::process) shown: Option<String>,
}

impl Document {
    pub(in crate::process) fn parse(text: &str) -> Self {
        let mut document = Self::default();
        let (mut lines, mut above) = (text.lines(), "");
        while let Some(line) = lines.next() {
            let Some(language) = line.strip_prefix("```") else {
                document.named.extend(commands_within(line));
                continue;
            };
            let inside: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            document.fence(language, above, &inside);
            above = language;
        }
        document
    }

    /// Takes in a fence; `above` is the language of the one before it.
    fn fence(&mut self, language: &str, above: &str, lines: &[&str]) {
        match language {
            "sh" => self.tour.push(Fence { commands: lines.join("\n"), shown: None }),
            "console" => {
                // A line that ends in a backslash goes on in the next.
                let text = lines.join("\n").replace("\\\n", "");
                let commands = text.lines().filter_map(|line| line.strip_prefix("$ "));
                self.named.extend(commands.map(str::to_owned));
            }
            "text" | "json" => match self.tour.last_mut().filter(|_| above == "sh") {
                Some(fence) => fence.shown = Some(lines.join("\n")),
                None => self.unchecked += 1,
            },
            // A drawing.
            "" => {}
            other => panic!("nobody knows what a fence of {other:?} is for"),
        }
    }
}

/// The part of a page below a heading such as `## Restore`, up to the next of its level or above.
#[track_caller]
pub(in crate::process) fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let level = heading.bytes().take_while(|byte| *byte == b'#').count();
    let (_, rest) = page.split_once(&format!("\n{heading}\n")).expect(heading);
    let ends = (2..=level).filter_map(|level| rest.find(&format!("\n{} ", "#".repeat(level))));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// The code within a line of text.
pub(in crate::process) fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The program's commands in a line of text: `` `poltrona healthcheck` ``.
fn commands_within(line: &str) -> impl Iterator<Item = String> {
    code_spans(line).filter(|code| code.starts_with("poltrona ")).map(str::to_owned)
}

/// Whether `output` is what was `shown`, line by line. `…` stands for anything, a time for any other
/// time, and an id that ends in `…` for any id, since ids begin with the time.
pub(super) fn shows(shown: &str, output: &str) -> bool {
    let (shown, output): (Vec<_>, Vec<_>) = (shown.lines().collect(), output.lines().collect());
    shown.len() == output.len()
        && shown
            .iter()
            .zip(output)
            .all(|(shown, line)| matches(&timeless(&idless(shown)), &timeless(line)))
}

/// A text with the beginnings of ids left out: `"…"` for `"019a…"`.
fn idless(text: &str) -> String {
    let mut pieces = text.split('…').peekable();
    let mut left = String::with_capacity(text.len());
    while let Some(piece) = pieces.next() {
        let bare = piece.trim_end_matches(|c: char| c.is_ascii_hexdigit());
        let is_id = pieces.peek().is_some() && bare.ends_with('"');
        left.push_str(if is_id { bare } else { piece });
        left.extend(pieces.peek().map(|_| '…'));
    }
    left
}

fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('…') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut pieces: Vec<_> = rest.split('…').collect();
    let end = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some(at) = text.find(piece) else { return false };
        text = &text[at + piece.len()..];
    }
    text.ends_with(end)
}

/// A text with every time such as `2026-11-24T09:59:10.433Z` replaced by the same one.
fn timeless(text: &str) -> String {
    const DIGITS: &str = "dddd-dd-ddTdd:dd:dd.dddZ";
    let is_time = |at: usize| {
        let found = text.as_bytes().get(at..at + DIGITS.len());
        found.is_some_and(|found| {
            found.iter().zip(DIGITS.bytes()).all(|(byte, digit)| match digit {
                b'd' => byte.is_ascii_digit(),
                other => *byte == other,
            })
        })
    };
    let mut replaced = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, character) in text.char_indices() {
        if at < rest {
            continue;
        }
        if is_time(at) {
            replaced.push_str(DIGITS);
            rest = at + DIGITS.len();
        } else {
            replaced.push(character);
        }
    }
    replaced
}

#[test]
fn an_output_is_compared_but_for_times_and_dots() {
    let time = r#"{"id":"019a…","at":"2026-11-24T09:59:10.433Z",…,"code":"x"}"#;
    assert!(shows(time, r#"{"id":"01b","at":"2027-01-02T03:04:05.678Z","more":1,"code":"x"}"#));
    assert!(!shows(time, r#"{"id":"019a7","at":"2027-01-02T03:04:05.678Z","more":1,"code":"y"}"#));
    assert!(!shows(time, r#"{"id":"019a7","at":"soon","more":1,"code":"x"}"#));
    assert!(!shows("201", "201\n201"));
    assert!(!shows("…\n201", "{}\n409"));
}

#[test]
fn a_file_is_read_fence_by_fence() {
    let text = "Try `poltrona seed --seats 16`.\n```sh\na\n```\n```text\n1\n```\n```sh\nb\nc\n```\n\
                ```console\n$ scripts/test   # all\nprinted\n```\n```text\nx\n```\n";
    let document = Document::parse(text);
    let tour: Vec<_> = document.tour.iter().map(|f| (&*f.commands, f.shown.as_deref())).collect();
    assert_eq!(tour, [("a", Some("1")), ("b\nc", None)]);
    assert_eq!(document.named, ["poltrona seed --seats 16", "scripts/test   # all"]);
    assert_eq!(document.unchecked, 1);
}

#[test]
fn a_section_ends_at_the_next_heading_of_its_level_or_above() {
    let page = "# A\n\n## B\nb\n### C\nc\n### D\nd\n## E\ne\n";
    assert_eq!(section(page, "## B"), "b\n### C\nc\n### D\nd");
    assert_eq!(section(page, "### C"), "c");
    assert_eq!(section(page, "### D"), "d");
    assert_eq!(section(page, "## E"), "e\n");
}
