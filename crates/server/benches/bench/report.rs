//! Results: the runs of each case, their spreads and ratios, the promises they keep or miss, and the
//! tables, the JSON and the page that are made of them.

mod spread;
mod measure;
mod promise;
mod promises;
mod section;
mod table;
mod record;
mod page;

pub(crate) use measure::{Measure, Sample};
pub(crate) use page::{check_page, write_page};
pub(crate) use record::{Measured, Program, Record, Settings};
pub(crate) use section::{Label, OURS, Section, label};
pub(crate) use spread::as_f64;
