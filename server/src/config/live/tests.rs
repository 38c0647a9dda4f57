use std::time::Duration;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::parse(text, env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn check(text: &str) -> Result<(), String> {
    let config = read(text, &[]).map_err(|error| error.to_string())?;
    Config { dev: true, ..config }.check().map_err(|error| error.to_string())
}

#[test]
fn servers_in_both_forms() {
    let text = format!(
        "[live]\nhold = '1m'\nice_servers = ['stun:a.example', {{urls = 'turn:b.example', username = 'u', credential = '{SECRET}'}}]\n\
         [live.turn]\nurls = ['turn:c.example?transport=udp', 'turns:c.example']\nsecret = '{SECRET}'"
    );
    let config = read(&text, &[]).expect("read");
    assert_eq!(Config { dev: true, ..config.clone() }.check(), Ok(()));
    let live = &config.live;
    assert_eq!((live.hold, live.pause_after), (Duration::from_secs(60), Duration::from_secs(2)));
    let urls: Vec<_> = live.ice_servers.iter().map(|server| server.urls.join(" ")).collect();
    assert_eq!(urls, ["stun:a.example", "turn:b.example"]);
    assert_eq!(live.ice_servers[1].credential.as_ref().map(Secret::reveal), Some(SECRET));
    assert_eq!(live.turn.urls.len(), 2);
    let shown = format!("{config:?}{}", toml::to_string(&config).expect("printed"));
    assert!(!shown.contains(SECRET), "a secret is shown");
}

#[test]
fn the_environment_reaches_the_inner_section() {
    let env = [
        ("SAMEWIRE_LIVE_TURN_SECRET", SECRET),
        ("SAMEWIRE_LIVE_TURN_URLS", "turn:a.example, turns:a.example"),
        ("SAMEWIRE_LIVE_TURN_TTL", "10m"),
        ("SAMEWIRE_LIVE_ICE_SERVERS", "stun:a.example"),
        ("SAMEWIRE_LIVE_MAX_VIEWERS", "7"),
    ];
    let live = read("[live.turn]\nttl = '2h'", &env).expect("read").live;
    assert_eq!((live.max_viewers, live.ice_servers.len(), live.turn.urls.len()), (7, 1, 2));
    assert_eq!(live.turn.ttl, Duration::from_secs(600));
    assert_eq!(live.turn.secret.as_ref().map(Secret::reveal), Some(SECRET));
    let told = read("live = 3", &env).expect_err("no table").to_string();
    assert!(told.contains("`live` must be a table"), "{told}");
}

#[test]
fn the_secret_may_be_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, format!("{SECRET}\n")).expect("written");
    let text = format!("[live.turn]\nurls = 'turn:a.example'\nsecret_file = '{}'", path.display());
    let config = read(&text, &[]).expect("read");
    assert_eq!(Config { dev: true, ..config.clone() }.check(), Ok(()));
    assert_eq!(config.turn_secret().expect("read").expect("one").reveal(), SECRET);
    std::fs::write(&path, "short").expect("written");
    assert!(config.turn_secret().expect_err("too short").to_string().contains("live.turn.secret_file"));
}

#[test]
fn check_says_what_to_do() {
    assert_eq!(check(""), Ok(()));
    let both = format!("urls = 'turn:a.example'\nsecret = '{SECRET}'");
    for (text, named) in [
        ("[live]\nhold = '0s'".to_owned(), "live.hold"),
        ("[live]\nhold = '2h'".to_owned(), "live.hold"),
        ("[live]\npause_after = '30s'".to_owned(), "live.pause_after must be shorter"),
        ("[live]\nmax_viewers = 0".to_owned(), "live.max_viewers"),
        ("[live]\nmax_streams = 1000001".to_owned(), "live.max_streams"),
        ("[live]\nice_servers = ['stun.example.com']".to_owned(), "`stun.example.com` is not the address"),
        ("[live]\nice_servers = [{urls = []}]".to_owned(), "no urls"),
        ("[live]\nice_servers = [{url = 'stun:a'}]".to_owned(), "urls"),
        ("[live]\nice_servers = ['turn:a.example']".to_owned(), "[live.turn]"),
        ("[live]\nice_servers = [{urls = 'turn:a.example', username = 'u', credential = ''}]".to_owned(), "a credential"),
        ("[live]\nrelay_only = true\nice_servers = ['stun:a.example']".to_owned(), "live.relay_only needs"),
        ("[live.turn]\nurls = 'turn:a.example'".to_owned(), "both urls and a secret"),
        (format!("[live.turn]\nsecret = '{SECRET}'"), "both urls and a secret"),
        ("[live.turn]\nurls = 'turn:a.example'\nsecret = 'short'".to_owned(), "shorter than 32 bytes"),
        (format!("[live.turn]\nurls = 'stun:a.example'\nsecret = '{SECRET}'"), "live.ice_servers"),
        (format!("[live.turn]\nurls = 'turn://a.example'\nsecret = '{SECRET}'"), "must not have `//`"),
        (format!("[live.turn]\n{both}\nsecret_file = 'x'"), "both set"),
        (format!("[live.turn]\n{both}\nttl = '1s'"), "live.turn.ttl"),
        (format!("[live]\nice_servers = {:?}\n[live.turn]\n{both}", ["stun:a.example"; 16]), "17 addresses"),
    ] {
        let told = check(&text).expect_err(&text);
        assert!(told.contains(named), "{text}: {told}");
    }
}
