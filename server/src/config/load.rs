//! From a file and the environment to a configuration.

use std::path::{Path, PathBuf};

use super::{Config, ConfigError, ENV_PREFIX, Secret};

impl Config {
    /// Reads the file, where one is given, and lays the process's environment over it.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key, a value of the wrong kind. The result is not [checked](Config::check) yet,
    /// because the command line may still change it.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| ConfigError(format!("cannot read the configuration {}: {error}", path.display())))?,
            None => String::new(),
        };
        let env = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::parse(&text, env).map_err(|ConfigError(told)| match file {
            Some(path) => ConfigError(format!("{}: {told}", path.display())),
            None => ConfigError(told),
        })
    }

    /// Reads a TOML text and lays these environment variables over it. Variables without the prefix, and those that name no
    /// key, are left alone: container platforms make some of their own (`SAMEWIRE_PORT` for a service called samewire).
    ///
    /// # Errors
    /// As for [`Config::load`].
    pub fn parse(text: &str, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError(error.to_string()))?;
        let keys = keys();
        let mut allowed = None;
        for (name, value) in env {
            if name == ALLOWED_ORIGINS {
                allowed = Some(value);
                continue;
            }
            let Some((sections, key, kind)) = name.strip_prefix(ENV_PREFIX).and_then(|name| {
                let path = name.to_ascii_lowercase();
                keys.iter().find(|(sections, key, _)| path == joined(sections, key))
            }) else {
                continue;
            };
            let value = kind.read(&name, value)?;
            let mut place = &mut table;
            for section in sections {
                let inner = place.entry(section).or_insert_with(|| toml::Table::new().into());
                place = inner.as_table_mut().ok_or_else(|| ConfigError(format!("`{section}` must be a table")))?;
            }
            place.insert(key.clone(), value);
        }
        // Printed and read once more, because an error in a text tells the line and the key.
        let text = if table.is_empty() { String::new() } else { toml::to_string(&table).unwrap_or_default() };
        let mut config: Self = toml::from_str(&text).map_err(|error| ConfigError(error.to_string()))?;
        if let Some(allowed) = allowed.filter(|_| config.dialects.socketio.enabled) {
            config.origins.extend(items(&allowed));
        }
        Ok(config)
    }
}

/// What gateways of Socket.IO are told by; heard where their clients are served.
const ALLOWED_ORIGINS: &str = "ALLOWED_ORIGINS";

/// What stands between commas.
fn items(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned)
}

/// What a value in the environment is read as.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Flag,
    List,
}

impl Kind {
    fn read(self, name: &str, value: String) -> Result<toml::Value, ConfigError> {
        let wrong = |expected: &str| ConfigError(format!("{name}: expected {expected}"));
        Ok(match self {
            Self::Text => value.into(),
            Self::Number => value.parse::<i64>().map_err(|_| wrong("a number"))?.into(),
            Self::Flag => value.parse::<bool>().map_err(|_| wrong("true or false"))?.into(),
            Self::List => items(&value).collect::<Vec<_>>().into(),
        })
    }
}

/// A key: the sections that it is in, from the outermost, its name, and what its value is read as.
type Key = (Vec<String>, String, Kind);

/// Every key, read off the default configuration so that there is no second list to keep.
fn keys() -> Vec<Key> {
    let mut config = Config::default();
    // What is absent by default would not be printed.
    config.auth.secret = Some(Secret::new(""));
    config.auth.secret_file = Some(PathBuf::new());
    config.auth.jwks_url = Some(String::new());
    config.auth.issuer = Some(String::new());
    config.live.turn.secret = Some(Secret::new(""));
    config.live.turn.secret_file = Some(PathBuf::new());
    let mut keys = Vec::new();
    collect(toml::Table::try_from(config).unwrap_or_default(), &[], &mut keys);
    keys
}

fn collect(table: toml::Table, sections: &[String], keys: &mut Vec<Key>) {
    for (name, value) in table {
        let kind = match value {
            toml::Value::Table(section) => {
                collect(section, &[sections, &[name]].concat(), keys);
                continue;
            }
            toml::Value::Integer(_) => Kind::Number,
            toml::Value::Boolean(_) => Kind::Flag,
            toml::Value::Array(_) => Kind::List,
            _ => Kind::Text,
        };
        keys.push((sections.to_vec(), name, kind));
    }
}

fn joined(sections: &[String], key: &str) -> String {
    let parts: Vec<&str> = sections.iter().map(String::as_str).chain([key]).collect();
    parts.join("_")
}
