//! Times and sizes as people write them: `90s`, `24h`, `64 KiB`.

/// `250ms`, `90s`, `15m`, `24h`, `7d`.
pub(crate) mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

    pub(crate) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        serializer.serialize_str(&super::print(millis, &UNITS, ""))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }

    pub(crate) fn parse(text: &str) -> Result<Duration, String> {
        let millis = super::parse(text, &UNITS);
        millis
            .map(Duration::from_millis)
            .ok_or_else(|| format!("`{text}` is not a time; write a whole number and ms, s, m, h or d, as in \"90s\""))
    }
}

/// `64 KiB`, `16GiB`, `500 MB`, or a number of bytes.
pub(crate) mod bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    const UNITS: [(&str, u64); 9] = [
        ("B", 1),
        ("kB", 1_000),
        ("KiB", 1 << 10),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
        ("TB", 1_000_000_000_000),
        ("TiB", 1 << 40),
    ];

    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a size: a number of bytes, or a number and kB, KiB, MB, MiB, GB, GiB, TB or TiB")]
    enum Written {
        Bytes(u64),
        Text(String),
    }

    pub(crate) fn serialize<S: Serializer>(bytes: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::print(*bytes, &UNITS, " "))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = match Written::deserialize(deserializer)? {
            Written::Bytes(bytes) => return Ok(bytes),
            Written::Text(text) => text,
        };
        text.parse().ok().or_else(|| super::parse(&text, &UNITS)).ok_or_else(|| {
            let units = "kB, KiB, MB, MiB, GB, GiB, TB or TiB";
            D::Error::custom(format!("`{text}` is not a size; write a whole number and {units}, as in \"64 KiB\""))
        })
    }
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// With the largest unit that gives a whole number.
fn print(value: u64, units: &[(&str, u64)], space: &str) -> String {
    let fitting =
        units.iter().filter(|(_, factor)| value != 0 && value.is_multiple_of(*factor)).max_by_key(|(_, factor)| *factor);
    match fitting.or(units.first()) {
        Some((unit, factor)) => format!("{}{space}{unit}", value / factor),
        None => value.to_string(),
    }
}
