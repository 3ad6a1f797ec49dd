//! Rules between settings.
//!
//! A rule skips a value that could not be parsed, so that one mistake is reported once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::database;
use super::draft::Draft;
use super::fault::Fault;

pub(super) fn check(draft: &mut Draft) {
    open_to_others_only_on_purpose(draft);
    one_place_for_the_data(draft);
    time_to_read_in_a_demo(draft);
}

/// In a demo people type the calls by hand and read between them, so holds last longer.
fn time_to_read_in_a_demo(draft: &mut Draft) {
    const HOLD: Duration = Duration::from_mins(5);
    if draft.config.demo && draft.explicit("hold-ttl").is_none() && !draft.is_broken("hold-ttl") {
        draft.config.hold_ttl = HOLD;
        if let Some(origin) = draft.explicit("demo").cloned() {
            draft.set_origin("hold-ttl", origin);
        }
    }
}

/// There is no authentication: everybody who reaches the port may act for anybody.
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

/// The data are in one of: a server, `data-dir`, a folder in `database-url`, a temporary folder.
fn one_place_for_the_data(draft: &mut Draft) {
    let url = draft.config.database_url.as_ref().map(|url| database::folder(url.expose()));
    let by_url = match url {
        Some(Ok(None)) => return no_folder_beside_a_server(draft),
        Some(Ok(folder)) => folder,
        // An invalid URL was refused when it was parsed.
        None | Some(Err(_)) => None,
    };
    let named = draft.explicit("data-dir").is_some();
    if draft.config.ephemeral && (named || by_url.is_some()) {
        let key = if named { "data-dir" } else { "database-url" };
        draft.faults.push(Fault {
            what: format!("ephemeral{}", origin(draft, "ephemeral")),
            why: format!("{key}{} asks for a folder that stays", origin(draft, key)),
            hint: format!("Leave out ephemeral to keep the data, or {key} to throw them away."),
        });
        return;
    }
    let Some(folder) = by_url else { return };
    if named && !same_folder(&folder, &draft.config.data_dir) {
        draft.faults.push(Fault {
            what: format!("database-url{}", origin(draft, "database-url")),
            why: format!("data-dir{} names another folder", origin(draft, "data-dir")),
            hint: "Set one of the two.".to_owned(),
        });
    } else if !named
        && !draft.is_broken("data-dir")
        && let Some(origin) = draft.explicit("database-url").cloned()
    {
        draft.config.data_dir = folder;
        draft.set_origin("data-dir", origin);
    }
}

/// Beside a server a folder would stay empty, and its name would mislead.
fn no_folder_beside_a_server(draft: &mut Draft) {
    let key = match draft.explicit("data-dir") {
        Some(_) => "data-dir",
        None if draft.config.ephemeral => "ephemeral",
        None => return,
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

/// Whether two paths name the same folder; `./a/` and `a` do.
fn same_folder(a: &Path, b: &Path) -> bool {
    let plain = |path: &Path| path.components().collect::<PathBuf>();
    let bare = |path: PathBuf| path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path);
    bare(plain(a)) == bare(plain(b))
}
