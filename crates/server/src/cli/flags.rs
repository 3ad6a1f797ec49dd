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

/// The settings of each command that reads only some. It takes the others too, so that one line of
/// flags serves every command; its help leaves them out.
const READ: [(&str, &[&str]); 4] = [
    ("seed", &["data-dir", "ephemeral", "log-format", "log-level", "database-url", "ca-file"]),
    ("migrate", &["data-dir", "log-format", "log-level", "database-url", "ca-file"]),
    ("dlq", &["log-format", "log-level", "rabbitmq-url", "ca-file"]),
    ("healthcheck", &["host", "port"]),
];

/// The whole command line, where each command's help has the settings that it reads: those that are
/// flags, and those that are variables alone.
pub(super) fn with_its_own_settings(program: Command) -> Command {
    program.mut_subcommands(|command| {
        let read = READ.iter().find(|(name, _)| *name == command.get_name());
        let read = read.map(|(_, keys)| *keys);
        show(command, &|key| read.is_none_or(|read| read.contains(&key.name)))
    })
}

fn show(command: Command, is_read: &dyn Fn(&Key) -> bool) -> Command {
    let command = command.mut_subcommands(|command| show(command, is_read));
    if !command.get_arguments().any(|argument| argument.get_id() == CONFIG) {
        return command;
    }
    let command = command.mut_args(|argument| {
        let hidden = KEYS.iter().any(|key| argument.get_id() == key.name && !is_read(key));
        argument.hide(hidden)
    });
    let variables: Vec<_> = KEYS
        .iter()
        .filter(|key| key.flag().is_none() && is_read(key))
        .map(|key| format!("  {}\n      {}\n", key.variables().join(", "), key.help))
        .collect();
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let listed = variables.concat();
    let after = format!("Variables, for settings that have no flag:\n{listed}\n{examples}");
    if variables.is_empty() { command } else { command.after_help(after) }
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
