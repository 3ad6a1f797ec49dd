//! Paths and queries whose percent-escapes are malformed.

use poltrona_testkit::app::TestApp;

#[tokio::test]
async fn a_malformed_escape_is_a_400_and_never_a_5xx() {
    let app = TestApp::open().await;
    for bad in
        ["%", "%4", "%zz", "%4g", "%%20", "%00", "a%00b", "%ff", "%c3", "%ed%a0%80", "%C0%AF"]
    {
        for path in ["/sessions", "/seats", "/reservations", "/reservations/user", "/sales/history"]
        {
            app.get(&format!("{path}/{bad}")).await.refused(400, "validation_failed");
        }
        app.pay(bad).await.refused(400, "validation_failed");
        app.extend(bad).await.refused(400, "validation_failed");
        app.get(&format!("/nothing/{bad}")).await.refused(400, "validation_failed");
        let answer = app.get(&format!("/sessions/{bad}")).english().await;
        answer.breaks(&[
            "path must be UTF-8 without NUL, with percent-escapes of two hexadecimal digits",
        ]);
        for query in ["movie", "limit", "unknown"] {
            let answer = app.get(&format!("/sessions?{query}={bad}")).english().await;
            answer.breaks(&[
                "query must be UTF-8 without NUL, with percent-escapes of two hexadecimal digits",
            ]);
        }
        app.get(&format!("/sessions?{bad}")).await.refused(400, "validation_failed");
    }
}

#[tokio::test]
async fn an_error_shows_the_path_as_it_was_sent() {
    let app = TestApp::open().await;
    // `refused` compares the body's path with the one asked for.
    for path in ["/sessions/x?limit=%41", "/sessions/x/", "/sessions/J%C3%A3o", "/sessions/x?a=b&c"]
    {
        app.get(path).await.refused(404, "session_not_found");
    }
}
