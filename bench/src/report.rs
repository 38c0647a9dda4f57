//! Numbers for people.

/// The middle of the values.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}

/// The value that this share of all stays below.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() as f64 * share) as usize;
    values.get(index.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// A ratio with its bar, and whether it holds.
pub(crate) fn verdict(what: &str, value: f64, at_least: Option<f64>, at_most: Option<f64>) {
    let holds = at_least.is_none_or(|bar| value >= bar) && at_most.is_none_or(|bar| value <= bar);
    let bar = match (at_least, at_most) {
        (Some(bar), _) => format!("at least {bar}"),
        (_, Some(bar)) => format!("at most {bar}"),
        _ => String::new(),
    };
    println!("  {what}: {value:.2} ({bar}) {}", if holds { "holds" } else { "DOES NOT HOLD" });
}

/// The most points in any span of this length.
pub(crate) fn sliding_peak(points: &[f64], span: f64) -> f64 {
    let mut sorted = points.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut first = 0;
    let mut most = 0;
    for (index, point) in sorted.iter().enumerate() {
        while sorted[first] <= point - span {
            first += 1;
        }
        most = most.max(index + 1 - first);
    }
    most as f64
}
