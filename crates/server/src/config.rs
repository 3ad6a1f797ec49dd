//! The settings of the program.
//!
//! Owns the one table of settings ([`KEYS`]), the places that each may come from (flag,
//! environment, file, default, in that order), and the typed [`Config`] that the rest of the
//! program reads. Nothing else reads the environment. [`resolve`] is a pure function of its
//! [`Inputs`]; only [`Environment::read`], [`load`] and [`Config::tls`] reach outside.
//!
//! All faults are collected, so that one run reports them together. Each names the setting, where
//! its value came from, why it is wrong, and how to fix it.

mod fault;
mod value;
mod broker;
mod database;
mod headers;
mod settings;
mod parse;
mod log_level;
mod keys;
mod environment;
mod file;
mod draft;
mod rules;
mod resolve;
mod authorities;
mod show;

pub use database::Database;
pub use draft::Origin;
pub use environment::Environment;
pub use fault::{ConfigError, Fault};
pub use file::DEFAULT_FILE;
pub use keys::{Alias, KEYS, Key, Kind, find};
pub use log_level::log_filter;
pub use resolve::{Flags, Inputs, Resolved, Setting, resolve};
pub use settings::Config;
pub use show::show;
pub use value::{Cors, Currency, Locale, LogFormat, Secret, show_duration};

/// Reads the files that the flags and the environment name, and decides every value.
pub fn load(flags: Flags, environment: Environment) -> Result<Resolved, ConfigError> {
    let inputs = Inputs { flags, environment, read: &|path| std::fs::read_to_string(path) };
    let resolved = resolve(&inputs)?;
    authorities::check(&resolved)?;
    Ok(resolved)
}
