//! Progress on a terminal, which is one that `script` makes.

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
