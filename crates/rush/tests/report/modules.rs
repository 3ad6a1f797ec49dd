//! The order of the crate's modules.

use std::path::Path;

use poltrona_testkit::module_order;

#[test]
fn modules_use_one_another_in_one_direction() {
    module_order::assert_order(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
}
