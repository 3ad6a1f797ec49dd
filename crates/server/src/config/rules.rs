//! What must hold between settings.
//!
//! A rule looks only at values that could be read, so that one slip is told once.

use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::resolve::Draft;

pub(super) fn check(draft: &mut Draft) {
    open_to_others_only_on_purpose(draft);
    one_place_for_the_data(draft);
}

/// There is no authentication: whoever reaches the port may act for anybody.
fn open_to_others_only_on_purpose(draft: &mut Draft) {
    let host = draft.config.host;
    if host.to_canonical().is_loopback() || draft.config.insecure || draft.is_broken("insecure") {
        return;
    }
    draft.faults.push(Fault {
        what: format!("host = {host}{}", origin(draft, "host")),
        why: "other machines could reach it, and this version authenticates nobody: each caller \
              may act in anyone's name"
            .to_owned(),
        hint: "Listen on 127.0.0.1 behind a gateway that knows its callers, or accept the risk \
               with --insecure (POLTRONA_INSECURE=true)."
            .to_owned(),
    });
}

/// The folder may be named by `data-dir`, by `database-url`, or be temporary; never two of them.
fn one_place_for_the_data(draft: &mut Draft) {
    let named = draft.explicit("data-dir").cloned();
    if draft.config.postgres().is_some() {
        return no_place_beside_a_server(draft);
    }
    let by_url = match draft.config.database_url.as_ref().map(|url| sqlite_folder(url.expose())) {
        None => None,
        Some(Ok(folder)) => Some(folder),
        Some(Err((why, hint))) => {
            let what = format!("database-url{}", origin(draft, "database-url"));
            draft.faults.push(Fault { what, why: why.to_owned(), hint: hint.to_owned() });
            None
        }
    };
    if draft.config.ephemeral && (named.is_some() || by_url.is_some()) {
        let key = if named.is_some() { "data-dir" } else { "database-url" };
        draft.faults.push(Fault {
            what: format!("ephemeral{}", origin(draft, "ephemeral")),
            why: format!("{key}{} asks for a folder that stays", origin(draft, key)),
            hint: format!("Leave out ephemeral to keep the data, or {key} to throw them away."),
        });
        return;
    }
    let Some(folder) = by_url else { return };
    if named.is_some() && !same_folder(&folder, &draft.config.data_dir) {
        draft.faults.push(Fault {
            what: format!("database-url{}", origin(draft, "database-url")),
            why: format!("data-dir{} names another folder", origin(draft, "data-dir")),
            hint: "Set one of the two.".to_owned(),
        });
    } else if named.is_none()
        && !draft.is_broken("data-dir")
        && let Some(origin) = draft.explicit("database-url").cloned()
    {
        draft.config.data_dir = folder;
        draft.set_origin("data-dir", origin);
    }
}

/// With the data on a server, a folder would be empty and its name misleading.
fn no_place_beside_a_server(draft: &mut Draft) {
    let named = draft.explicit("data-dir").is_some();
    let Some(key) = (if named { Some("data-dir") } else { None })
        .or_else(|| draft.config.ephemeral.then_some("ephemeral"))
    else {
        return;
    };
    draft.faults.push(Fault {
        what: format!("{key}{}", origin(draft, key)),
        why: format!("database-url{} keeps the data elsewhere", origin(draft, "database-url")),
        hint: "Set one of the two.".to_owned(),
    });
}

fn origin(draft: &Draft, name: &str) -> String {
    draft.explicit(name).map(|origin| format!(" (from {origin})")).unwrap_or_default()
}

/// The folder that a `sqlite:` URL names. What is wrong is told without a word of the URL itself.
fn sqlite_folder(url: &str) -> Result<PathBuf, (&'static str, &'static str)> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(("it is not a URL", "Write `sqlite:DIR`, or unset it and use data-dir."));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "sqlite" => {}
        _ => {
            return Err((
                "it names a database that this program does not know",
                "Write `sqlite:DIR` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.",
            ));
        }
    }
    let folder = rest.strip_prefix("//").unwrap_or(rest);
    if folder == ":memory:" {
        return Err(("it asks for data in memory", "Unset it and use --ephemeral."));
    }
    if folder.trim().is_empty() || folder.contains(['?', '#', '\0']) {
        return Err(("it must be `sqlite:` and a folder, with no options", "Write `sqlite:DIR`."));
    }
    Ok(PathBuf::from(folder))
}

/// Whether two paths are written for the same folder; `./a/` and `a` are.
fn same_folder(a: &Path, b: &Path) -> bool {
    let plain = |path: &Path| path.components().collect::<PathBuf>();
    let bare = |path: PathBuf| path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path);
    bare(plain(a)) == bare(plain(b))
}
