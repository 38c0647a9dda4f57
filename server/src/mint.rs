//! `samewire token`: signs a token, for trying things out and for scripts.

use std::path::PathBuf;
use std::time::Duration;

use samewire_protocol::rooms::{Pattern, Role};
use samewire_server::auth::{Grants, JwtAuthenticator, NewToken};
use samewire_server::{Config, config};

#[derive(clap::Args)]
pub(crate) struct Token {
    /// Whose token it is.
    #[arg(long)]
    user: String,
    /// How long it is good for, as 90s, 15m, 24h or 7d.
    #[arg(long, default_value = "1h", value_parser = config::parse_duration)]
    ttl: Duration,
    /// A role in rooms, as 'portal:*=viewer'. May be given several times.
    #[arg(long = "room", value_name = "PATTERN=ROLE", value_parser = grant)]
    rooms: Vec<(Pattern, Role)>,
    /// Methods that may be called, as 'files/*'. May be given several times. Without any, all may.
    #[arg(long = "method", value_name = "PATTERN")]
    methods: Vec<Pattern>,
    /// A role in live channels, as 'x=broadcaster'. May be given several times.
    #[arg(long, value_name = "PATTERN=ROLE", value_parser = grant)]
    live: Vec<(Pattern, Role)>,
    /// How many bytes the user may have in files and streams, whatever the configuration says.
    #[arg(long, value_name = "BYTES")]
    quota: Option<u64>,
    /// The largest stream that the user may send, in bytes, whatever the configuration says.
    #[arg(long, value_name = "BYTES")]
    max_upload: Option<u64>,
    /// Whom it is for. Default: the first `auth.audience` of the configuration.
    #[arg(long)]
    audience: Option<String>,
    /// Its id (`jti`), by which it can be revoked.
    #[arg(long)]
    id: Option<String>,
    /// The configuration file (TOML) with the secret.
    #[arg(long, env = "SAMEWIRE_CONFIG")]
    config: Option<PathBuf>,
    /// The folder of the server's data, where with --dev the key is.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Sign with the key that `samewire serve --dev` keeps in its data folder, where the configuration has no secret.
    #[arg(long)]
    dev: bool,
}

/// Signs the token and prints it.
pub(crate) fn mint(options: Token) -> Result<(), Box<dyn std::error::Error>> {
    let mut config = Config::load(options.config.as_deref())?;
    config.dev |= options.dev;
    if let Some(data) = options.data {
        config.data = data;
    }
    if config.secret()?.is_none() && !config.dev {
        return Err("there is no secret to sign with: name the server's configuration with --config, or say --dev".into());
    }
    if config.dev {
        std::fs::create_dir_all(&config.data)?;
    }
    let rooms = options.rooms.into_iter().fold(Grants::default(), |grants, (rooms, role)| grants.room(rooms, role));
    let live = options.live.into_iter().fold(rooms, |grants, (channels, role)| grants.live(channels, role));
    let grants = options.methods.into_iter().fold(live, Grants::method);
    let grants = options.quota.into_iter().fold(grants, Grants::quota);
    let grants = options.max_upload.into_iter().fold(grants, Grants::max_upload);
    let mut token = NewToken::new(options.user, options.ttl).grants(grants);
    if let Some(audience) = options.audience {
        token = token.audience(audience);
    }
    if let Some(id) = options.id {
        token = token.id(id);
    }
    println!("{}", JwtAuthenticator::configured(&config)?.sign(&token)?);
    Ok(())
}

fn grant(text: &str) -> Result<(Pattern, Role), String> {
    let (pattern, role) = text.rsplit_once('=').ok_or("expected PATTERN=ROLE, as in 'portal:*=viewer'")?;
    let pattern = pattern.parse().map_err(|error| format!("{pattern:?}: {error}"))?;
    Ok((pattern, role.parse().map_err(|error| format!("{role:?}: {error}"))?))
}
