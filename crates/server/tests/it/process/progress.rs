//! Progress and banner on a terminal, which is one that `script` makes.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use poltrona_testkit::program::{BINARY, clean, printed};

#[test]
fn a_terminal_has_one_line_that_is_redrawn_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let seed = "seed --sessions 40 --seats 16 --data-dir data --log-level off";
    let seed = format!("{} {seed}", *BINARY);
    let mut script = clean("script", folder.path());
    script.args(["--quiet", "--return", "--command", &seed, "/dev/null"]).env("TERM", "xterm");
    let shown = printed(script.output().unwrap());
    assert!(shown.contains('\r'), "{shown:?}");
    let last = shown.rsplit('\r').find(|text| text.contains("sessions")).unwrap();
    assert!(last.contains(&format!("sessions [{}] 40 of 40", "#".repeat(30))), "{shown:?}");
    assert!(!shown.contains("sessions: "), "{shown:?}");
}

#[test]
fn the_banner_comes_whole_and_after_the_lines_of_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let serve = format!("exec {} serve --demo --ephemeral --port 0", *BINARY);
    let mut script = clean("script", folder.path());
    script.args(["--quiet", "--return", "--flush", "--command", &serve, "/dev/null"]);
    script.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut shown = Vec::new();
    for line in lines.map(|line| line.unwrap()) {
        let is_last = line.starts_with("  ready in ");
        shown.push(line);
        if is_last {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let banner = shown.iter().position(|line| line.starts_with("  poltrona ")).unwrap();
    let (log, banner) = shown.split_at(banner);
    assert!(banner.iter().all(|line| line.starts_with("  ")), "{shown:#?}");
    let count = |event| log.iter().filter(|line| line.contains(event)).count();
    assert_eq!((count("session.created"), count("ready")), (6, 1), "{shown:#?}");
}
