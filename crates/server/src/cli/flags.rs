//! The settings as flags, made from the table of settings.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, ValueHint};

use crate::config::{Flags, KEYS, Key, Kind};

/// The settings that a command line gives, by key.
#[derive(Debug, Default)]
pub(super) struct Settings(Flags);

impl Settings {
    pub(super) fn into_flags(self) -> Flags {
        self.0
    }
}

/// The flag that names the configuration file.
const CONFIG: &str = "config";

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .value_hint(ValueHint::FilePath)
            .help_heading("Settings")
            .help("File with settings [default: poltrona.toml, if there] [env: POLTRONA_CONFIG]");
        let flags = KEYS.iter().filter_map(|key| key.flag().map(|flag| argument(key, flag)));
        command.arg(file).args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(key: &Key, flag: &'static str) -> Arg {
    let variables = key.variables().join(", ");
    let default = key.default().unwrap_or_default();
    let argument = Arg::new(flag)
        .long(flag)
        .value_name(key.value_name)
        .help_heading("Settings")
        .help(format!("{} [default: {default}] [env: {variables}]", key.help));
    match key.kind {
        Kind::Switch => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Kind::Text | Kind::Number | Kind::Secret => argument,
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut settings = Self::default();
        settings.update_from_arg_matches(matches)?;
        Ok(settings)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for name in KEYS.iter().filter_map(Key::flag).chain([CONFIG]) {
            if let Some(value) = matches.get_one::<String>(name) {
                self.0.insert(name, value.clone());
            }
        }
        Ok(())
    }
}
