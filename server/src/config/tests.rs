use super::*;
use crate::auth::Algorithm;
use crate::rooms::KindPolicy;

fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::parse(text, env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn the_default_survives_being_written_and_read() {
    let text = toml::to_string(&Config::default()).expect("printed");
    assert!(text.contains("idle_ttl = \"1h\"") && text.contains("window = \"4 MiB\""), "{text}");
    let config = read(&text, &[]).expect("read");
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    assert_eq!(config.limits.wire(), Limits::default());
    assert_eq!(config.streams.quota(), Quota::default());
}

#[test]
fn the_origins_of_a_gateway_of_socket_io_count_where_its_clients_are_served() {
    let env = [("ALLOWED_ORIGINS", "http://localhost:3000, https://yourdomain.com"), ("SAMEWIRE_ORIGINS", "https://a.example")];
    let text = "[dialects]\nsocketio = { enabled = true }";
    let told = ["https://a.example", "http://localhost:3000", "https://yourdomain.com"];
    assert_eq!(read(text, &env).expect("read").origins, told);
    assert_eq!(read("", &env).expect("read").origins, ["https://a.example"]);
}

#[test]
fn the_environment_lies_over_the_file() {
    let text = "listen = '0.0.0.0:1'\n[streams]\nidle_ttl = '2h'\nquota = '1 GiB'";
    let env = [
        ("SAMEWIRE_LISTEN", "127.0.0.1:9000"),
        ("SAMEWIRE_DEV", "true"),
        ("SAMEWIRE_ORIGINS", "https://a.example, https://b.example"),
        ("SAMEWIRE_AUTH_SECRET", "0123456789abcdef0123456789abcdef"),
        ("SAMEWIRE_STREAMS_QUOTA", "2GiB"),
        ("SAMEWIRE_LIMITS_MAX_CALLS", "7"),
        ("SAMEWIRE_PORT", "tcp://10.0.0.1:80"),
        ("PATH", "/bin"),
    ];
    let config = read(text, &env).expect("read");
    assert_eq!(config.listen.port(), 9000);
    assert!(config.dev);
    assert_eq!(config.origins, ["https://a.example", "https://b.example"]);
    assert_eq!(config.streams.idle_ttl, Duration::from_secs(7200));
    assert_eq!(config.streams.quota, 2 << 30);
    assert_eq!(config.limits.max_calls, 7);
    assert_eq!(config.secret().expect("a secret").expect("one is set").reveal().len(), 32);
    assert!(!format!("{config:?}").contains("0123456789abcdef"), "a secret is shown");
}

#[test]
fn what_is_wrong_is_named() {
    for (text, env, named) in [
        ("listne = 'x'", vec![], "listne"),
        ("[streams]\nidle = '1h'", vec![], "idle"),
        ("[streams]\nidle_ttl = '1 fortnight'", vec![], "1 fortnight"),
        ("[limits]\nwindow = '4 MX'", vec![], "4 MX"),
        ("[limits]\nwindow = -1", vec![], "window"),
        ("", vec![("SAMEWIRE_LIMITS_MAX_CALLS", "many")], "SAMEWIRE_LIMITS_MAX_CALLS"),
        ("streams = 3", vec![("SAMEWIRE_STREAMS_QUOTA", "1GiB")], "streams"),
        ("listen = ", vec![], "listen"),
        ("[rooms.kinds.chat]\nslow = 'fast'", vec![], "rooms.kinds.chat"),
    ] {
        let told = read(text, &env).expect_err(text).to_string();
        assert!(told.contains(named), "{text}: {told}");
    }
}

#[test]
fn check_says_what_to_do() {
    let fine = |edit: fn(&mut Config)| {
        let mut config = Config { dev: true, ..Config::default() };
        edit(&mut config);
        config.check().map_err(|error| error.to_string())
    };
    assert_eq!(fine(|_| ()), Ok(()));
    type Fault = (fn(&mut Config), &'static str);
    let faults: [Fault; 23] = [
        (|config| config.rooms.kinds.insert("own", KindPolicy { rate: 0, ..KindPolicy::default() }), "rooms.kinds.own.rate"),
        (|config| config.dev = false, "auth.secret_file"),
        (|config| config.auth.secret = Some(Secret::new("short")), "auth.secret"),
        (|config| config.auth.jwks_url = Some("http://issuer.example/jwks".into()), "auth.jwks_url"),
        (|config| config.auth.jwks_refetch = Duration::ZERO, "auth.jwks_refetch"),
        (|config| config.auth.leeway = Duration::from_secs(601), "auth.leeway"),
        (|config| config.auth.algorithms = vec![Algorithm::Rs256], "auth.jwks_url is set"),
        (|config| (config.dev, config.auth.anonymous, config.auth.algorithms) = (false, true, vec![Algorithm::Hs256]), "HS256"),
        (
            |config| {
                config.auth.jwks_url = Some("https://issuer.example/jwks".into());
                config.auth.algorithms = vec![Algorithm::Hs256];
            },
            "none that fits",
        ),
        (|config| config.api_keys = vec![ApiKey::default()], "name of its own"),
        (|config| config.api_keys = vec![ApiKey { name: "shop".into(), ..ApiKey::default() }], "neither key nor key_file"),
        (|config| config.api_keys = vec![api_key("shop", "short")], "shorter than 32 bytes"),
        (|config| config.api_keys = vec![api_key("shop", LONG), api_key("shop", LONG)], "name of its own"),
        (|config| config.origins = vec!["app.example.com".into()], "app.example.com"),
        (|config| config.origins = vec!["https://app.example.com/".into()], "without a path"),
        (|config| config.limits.max_chunk = 65_537, "limits.max_chunk"),
        (|config| config.limits.window = 1, "limits.window"),
        (|config| config.limits.max_upload = 1 << 53, "limits.max_upload"),
        (|config| config.limits.max_calls = 0, "limits.max_calls"),
        (|config| config.streams.sweep_every = Duration::ZERO, "streams.sweep_every"),
        (|config| config.streams.idle_ttl = Duration::from_secs(1), "streams.idle_ttl"),
        (|config| config.video.height = 0, "video.height"),
        (|config| config.image.max_pixels = 0, "image.max_pixels"),
    ];
    for (edit, named) in faults {
        let told = fine(edit).expect_err(named);
        assert!(told.contains(named), "{told}");
    }
}

const LONG: &str = "0123456789abcdef0123456789abcdef";

fn api_key(name: &str, key: &str) -> ApiKey {
    ApiKey { name: name.into(), key: Some(Secret::new(key)), key_file: None }
}

#[test]
fn issuers_audiences_and_api_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{LONG}\n")).expect("written");
    let text = format!(
        "[auth]\nsecret = '{LONG}'\njwks_url = 'https://issuer.example/jwks'\naudience = 'samewire'\nalgorithms = ['HS256', 'EdDSA']\n\
         [[api_keys]]\nname = 'shop'\nkey = '{LONG}'\n[[api_keys]]\nname = 'crm'\nkey_file = '{}'\n[metrics]\nopen = true",
        path.display()
    );
    let config =
        read(&text, &[("SAMEWIRE_AUTH_ISSUER", "https://issuer.example"), ("SAMEWIRE_AUTH_LEEWAY", "5s")]).expect("read");
    assert_eq!(config.check(), Ok(()));
    let options = config.jwt_options();
    assert_eq!((options.audiences, options.algorithms), (vec!["samewire".into()], vec![Algorithm::Hs256, Algorithm::EdDsa]));
    assert_eq!((options.issuer.as_deref(), options.leeway), (Some("https://issuer.example"), Duration::from_secs(5)));
    let keys = config.api_keys().expect("keys");
    assert!(keys.iter().map(|(name, key)| (name.as_str(), key.reveal())).eq([("shop", LONG), ("crm", LONG)]));
    assert!(!format!("{config:?}").contains(LONG), "a key is shown");
    let several = read("", &[("SAMEWIRE_AUTH_AUDIENCE", "a, b")]).expect("read");
    assert_eq!(several.auth.audience, ["a", "b"]);
    std::fs::write(&path, "-----BEGIN NONSENSE-----").expect("written");
    let broken = Config { auth: Auth { public_keys: vec![path.clone()], ..Auth::default() }, ..Config::default() };
    assert!(broken.keys().err().expect("no key").to_string().contains("auth.public_keys"));
    assert!(config.api_keys().expect_err("too short").to_string().contains("crm"));
}

#[test]
fn the_secret_may_be_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").expect("written");
    let mut config = Config::default();
    config.auth.secret_file = Some(path.clone());
    assert_eq!(config.check(), Ok(()));
    assert_eq!(config.secret().expect("read").map(|secret| secret.reveal().len()), Some(32));
    std::fs::write(&path, "short").expect("written");
    assert!(config.secret().expect_err("too short").to_string().contains("secret_file"));
}
