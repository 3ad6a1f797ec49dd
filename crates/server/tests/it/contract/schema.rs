//! The shape of the tables, column by column.

use std::collections::BTreeSet;

use poltrona_testkit::app::TestApp;
use poltrona_testkit::place::{Place, TABLES};

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// The type as the store calls it.
    pub(super) kind: String,
    pub(super) is_nullable: bool,
}

/// SQLite's names of types, each with PostgreSQL's. A reservation's seat numbers are a text in the
/// one and an array in the other.
const KINDS: [(&str, &[&str]); 3] = [
    ("BLOB", &["uuid", "bytea"]),
    ("TEXT", &["text", "ARRAY"]),
    ("INTEGER", &["bigint", "smallint"]),
];

#[tokio::test]
async fn both_stores_have_the_same_tables() {
    let embedded = TestApp::embedded().await;
    let server = TestApp::on_a_server().await;
    let tables = tables(embedded.place());
    assert_eq!(tables, self::tables(server.place()));
    for name in TABLES {
        assert!(tables.contains(name), "{name} is compared");
    }
    for table in &tables {
        let ours = columns(embedded.place(), table);
        let theirs = columns(server.place(), table);
        let shape = |columns: &[Column]| {
            let column = |it: &Column| (it.name.clone(), it.is_nullable);
            columns.iter().map(column).collect::<Vec<_>>()
        };
        assert_eq!(shape(&ours), shape(&theirs), "{table}");
        for (one, other) in ours.iter().zip(&theirs) {
            let same = KINDS.iter().find(|(name, _)| *name == one.kind).expect("a known type");
            assert!(same.1.contains(&other.kind.as_str()), "{table}: {one:?}, {other:?}");
        }
    }
}

/// Every table but the story's own.
fn tables(place: &Place) -> BTreeSet<String> {
    let names: String = place.sql(if place.is_a_folder() {
        "SELECT group_concat(name, ' ') FROM sqlite_schema WHERE type = 'table'"
    } else {
        "SELECT string_agg(tablename, ' ') FROM pg_tables WHERE schemaname = 'public'"
    });
    names.split(' ').map(str::to_owned).collect()
}

/// The columns of a table, in order.
pub(super) fn columns(place: &Place, table: &str) -> Vec<Column> {
    let text: String = place.sql(&if place.is_a_folder() {
        // A primary key of such a table is never null, declared so or not.
        format!(
            "SELECT group_concat(name || ' ' || type || ' ' || (\"notnull\" = 0 AND pk = 0), ',')
             FROM (SELECT * FROM pragma_table_info('{table}') ORDER BY cid)"
        )
    } else {
        format!(
            "SELECT string_agg(column_name || ' ' || data_type || ' ' ||
                               (is_nullable = 'YES')::int, ',' ORDER BY ordinal_position)
             FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = '{table}'"
        )
    });
    let column = |text: &str| {
        let words: Vec<_> = text.split(' ').collect();
        let [name, kind, is_nullable] = words[..] else { panic!("{table}: {text}") };
        Column { name: name.to_owned(), kind: kind.to_owned(), is_nullable: is_nullable == "1" }
    };
    text.split(',').map(column).collect()
}
