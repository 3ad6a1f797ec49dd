//! The banner: a summary of the running server, printed at its start on a terminal.

use std::fmt::Write as _;
use std::time::Duration;

/// The contents of the banner.
#[derive(Debug, Clone)]
pub struct BannerInfo {
    /// The program's version.
    pub version: &'static str,
    /// The mode, such as `embedded (SQLite)`.
    pub mode: String,
    /// Where its data are, such as `./poltrona-data`.
    pub data: String,
    /// The address by which this machine reaches it, without a final slash.
    pub base_url: String,
    /// The demo data, such as `3 films, 6 sessions`, if there are any.
    pub demo: Option<String>,
    /// How long it took from the start until the first request can be served.
    pub ready_in: Duration,
    /// Further lines.
    pub notes: Vec<String>,
}

/// Pages worth opening: a name and a path.
const PLACES: [(&str, &str); 3] =
    [("API docs", "/api/docs"), ("Metrics", "/metrics"), ("Health", "/readyz")];

/// The banner, with a line break at the end. It has no colours, so it can be printed anywhere.
pub fn banner(info: &BannerInfo) -> String {
    let BannerInfo { version, mode, data, base_url, demo, ready_in, notes } = info;
    let mut text = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(text, "  poltrona {version}   {mode}   data {data}");
    for (name, path) in PLACES {
        let _ = writeln!(text, "  {name:<9}  {base_url}{path}");
    }
    if let Some(demo) = demo {
        let _ = writeln!(text, "  Demo data  {demo}. Try: curl -s {base_url}/sessions");
    }
    let _ = writeln!(text, "  Development: nobody is authenticated, so keep it on loopback");
    for note in notes {
        let _ = writeln!(text, "  {note}");
    }
    let _ = writeln!(text, "  ready in {}", in_words(*ready_in));
    text
}

fn in_words(duration: Duration) -> String {
    if duration < Duration::from_millis(100) {
        format!("{} ms", duration.as_millis().max(1))
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lists_addresses_and_data() {
        let info = BannerInfo {
            version: "0.1.0",
            mode: "embedded (SQLite)".to_owned(),
            data: "./poltrona-data".to_owned(),
            base_url: "http://127.0.0.1:3000".to_owned(),
            demo: Some("3 films, 6 sessions".to_owned()),
            ready_in: Duration::from_millis(140),
            notes: vec!["A note".to_owned()],
        };
        let expected = "  poltrona 0.1.0   embedded (SQLite)   data ./poltrona-data
  API docs   http://127.0.0.1:3000/api/docs
  Metrics    http://127.0.0.1:3000/metrics
  Health     http://127.0.0.1:3000/readyz
  Demo data  3 films, 6 sessions. Try: curl -s http://127.0.0.1:3000/sessions
  Development: nobody is authenticated, so keep it on loopback
  A note
  ready in 0.1 s
";
        assert_eq!(banner(&info), expected);
        let bare = BannerInfo { demo: None, notes: Vec::new(), ready_in: Duration::ZERO, ..info };
        assert!(!banner(&bare).contains("Demo"));
        assert!(banner(&bare).ends_with("ready in 1 ms\n"));
    }
}
