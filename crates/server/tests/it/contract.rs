//! The contract of the stores, by comparison: random stories run on the bare rules, SQLite and
//! PostgreSQL, through the ledger and with batches cut at random. Every answer, and every column
//! of every row in the end, must be the same in all three.
//!
//! `PROPTEST_CASES` asks for more stories than a run of the tests has time for; `PROPTEST_RNG_SEED`
//! repeats those of a run that failed, which prints its seed.

mod schema;
mod tables;
mod story;
mod moves;
mod model;
mod office;

use std::hash::{BuildHasher as _, RandomState};

use poltrona_testkit::place::Place;
use proptest::test_runner::{
    Config, RngAlgorithm, RngSeed, TestCaseError, TestCaseResult, TestRunner,
};
use tokio::runtime::Runtime;

use model::Model;
use office::Office;
use story::Scene;

/// How many stories a run plays by default.
const STORIES: u32 = 32;

#[test]
fn both_stores_answer_and_write_what_the_rules_say() {
    let mut config = Config {
        rng_algorithm: RngAlgorithm::XorShift,
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..Config::default()
    };
    #[expect(clippy::disallowed_methods, reason = "the tests have no configuration but this")]
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = STORIES;
    }
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one(0),
    };
    config.rng_seed = RngSeed::Fixed(seed);
    let runtime = Runtime::new().expect("a runtime");
    let offices = runtime.block_on(async {
        [Office::open(Place::folder()).await, Office::open(Place::server().await).await]
    });
    let mut runner = TestRunner::new(config);
    let result = runner.run(&story::story(), |story| runtime.block_on(play(&offices, &story)));
    runtime.block_on(async {
        for office in offices {
            office.close().await;
        }
    });
    if let Err(error) = result {
        panic!("PROPTEST_RNG_SEED={seed} repeats this: {error}");
    }
}

/// Plays a story on the rules and on each store.
async fn play(offices: &[Office; 2], story: &[Scene]) -> TestCaseResult {
    let mut model = Model::default();
    for office in offices {
        office.clear();
    }
    for scene in story::opening().iter().chain(story) {
        let expected = model.play(scene);
        for office in offices {
            let found = office.play(&expected, model.now()).await;
            same(&format!("{office} at {scene:?}"), &expected.answers, &found)?;
        }
    }
    let [embedded, server] = offices;
    same("the reads", &embedded.reads().await, &server.reads().await)?;
    let (written, beside) = (embedded.tables(), server.tables());
    same("the tables of SQLite, and PostgreSQL's", &written, &beside)?;
    for (table, rows) in model.tables() {
        same(&format!("{table} by the rules, and as written"), &rows, &written[table])?;
    }
    Ok(())
}

/// Fails unless both are equal; the message shows only the lines that differ.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, one: &T, other: &T) -> TestCaseResult {
    if one == other {
        return Ok(());
    }
    let (one, other) = (format!("{one:#?}"), format!("{other:#?}"));
    let lacks = |mark: char, from: &str, of: &str| {
        let lines = from.lines().filter(|line| !of.lines().any(|it| it == *line));
        lines.map(|line| format!("\n  {mark} {}", line.trim())).collect::<Vec<_>>().concat()
    };
    let difference = lacks('-', &one, &other) + &lacks('+', &other, &one);
    Err(TestCaseError::fail(format!("{what} differ:{difference}")))
}
