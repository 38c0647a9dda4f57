//! The browser tests: node's own test runner over `tests/browser/*.test.mjs`.

use std::fs;
use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, Stdio};

use crate::shell::{Outcome, announce, cannot_start};
use crate::workspace::Workspace;

const FOLDER: &str = "tests/browser";

/// No single test may keep the run longer than this, in milliseconds.
const TEST_TIMEOUT: u32 = 15 * 60 * 1000;

/// The runner, with every test file named: node 20 does not look for them by pattern.
pub(super) fn command(workspace: &Workspace) -> Outcome<Command> {
    let folder = workspace.path(FOLDER);
    let entries = fs::read_dir(&folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let names = entries.filter_map(|entry| entry.ok().map(|entry| entry.file_name().to_string_lossy().into_owned()));
    let mut tests: Vec<_> = names.filter(|name| name.ends_with(".test.mjs")).collect();
    if tests.is_empty() {
        return Err(format!("{FOLDER} holds no *.test.mjs"));
    }
    tests.sort();
    // The runner writes into our pipe, so it cannot see for itself whether a person is watching.
    let reporter = if std::io::stdout().is_terminal() { "spec" } else { "tap" };
    let mut node = workspace.command("node");
    node.current_dir(folder).args(["--test", "--test-concurrency=1"]);
    node.arg(format!("--test-timeout={TEST_TIMEOUT}")).arg(format!("--test-reporter={reporter}")).args(tests);
    Ok(node)
}

/// Runs the tests, shows their output as it comes, and returns the runner's closing summary, held back so that it can be the last
/// thing the whole run prints. After a failure nothing is held back.
pub(super) fn run(node: &mut Command) -> Outcome<String> {
    announce(node);
    let mut child = node.stdout(Stdio::piped()).spawn().map_err(|error| cannot_start(node, &error))?;
    let output = child.stdout.take().ok_or("node was started without a pipe for its output")?;
    let mut closing = String::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(|error| format!("cannot read what node prints: {error}"))?;
        let line = String::from_utf8_lossy(&line);
        if !closing.is_empty() || opens_summary(&line) {
            closing.push_str(&line);
            closing.push('\n');
        } else {
            println!("{line}");
        }
    }
    let status = child.wait().map_err(|error| format!("cannot wait for node: {error}"))?;
    if status.success() {
        return Ok(closing);
    }
    print!("{closing}");
    Err(format!("browser tests failed ({status})"))
}

/// The summary's first line, as the tap and the spec reporter write it.
fn opens_summary(line: &str) -> bool {
    line.starts_with("# tests ") || line.starts_with("\u{2139} tests ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::run;

    fn script(body: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", body]);
        shell
    }

    #[test]
    fn the_summary_is_held_back() {
        let closing = run(&mut script("echo ok 1; echo 1..1; echo '# tests 1'; echo '# pass 1'"));
        assert_eq!(closing.unwrap(), "# tests 1\n# pass 1\n");
    }

    #[test]
    fn a_failing_run_is_a_failure() {
        assert!(run(&mut script("echo '# tests 1'; exit 1")).is_err());
    }
}
