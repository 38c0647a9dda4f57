//! The protocol crate decides; it does not look at a clock, roll dice or touch the outside. This keeps it so.

use std::fs;
use std::path::Path;

use crate::shell::Outcome;
use crate::workspace::Workspace;

/// What would make a decision depend on more than the arguments, or on where the code runs.
const IMPURE: [&str; 9] =
    ["Instant::now", "SystemTime", "rand::", "tokio", "web_sys", "js_sys", "std::net", "std::fs", "target_arch"];

/// Fails with each offending line of `protocol/src`.
pub(crate) fn check(workspace: &Workspace) -> Outcome {
    let mut found = Vec::new();
    search(&workspace.path("protocol/src"), &mut found)?;
    if found.is_empty() {
        println!("protocol/src knows no clock, randomness, I/O or target");
        return Ok(());
    }
    Err(format!("protocol/src must stay pure (time and randomness are arguments):\n{}", found.join("\n")))
}

fn search(folder: &Path, found: &mut Vec<String>) -> Outcome {
    let unreadable = |path: &Path, error: std::io::Error| format!("cannot read {}: {error}", path.display());
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if path.is_dir() {
            search(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            found.extend(impurities(&source).map(|(line, word)| format!("  {}:{line}: {word}", path.display())));
        }
    }
    Ok(())
}

/// The lines, counted from one, that use an impure name. A comment may speak of one.
fn impurities(source: &str) -> impl Iterator<Item = (usize, &'static str)> {
    source.lines().enumerate().filter_map(|(index, line)| {
        let code = line.split("//").next().unwrap_or(line);
        IMPURE.iter().find(|word| code.contains(**word)).map(|word| (index + 1, *word))
    })
}

#[cfg(test)]
mod tests {
    use super::impurities;

    #[test]
    fn code_counts_and_comments_do_not() {
        let source = "// tokio drives this\nlet now = std::time::Instant::now();\nfn pure() {} // no SystemTime\n";
        assert_eq!(impurities(source).collect::<Vec<_>>(), [(2, "Instant::now")]);
    }
}
