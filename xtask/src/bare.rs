//! The npm package as it is shipped: a copy whose code has no comments. Those are for who works on it; a page would pay for them.

use std::fs;
use std::path::Path;

use crate::shell::Outcome;

/// Copies the package to `to`, its JavaScript bare. The types keep their comments: those are the documentation.
pub(crate) fn copy(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to).map_err(|error| format!("cannot make {}: {error}", to.display()))?;
    let unreadable = |error| format!("cannot read {}: {error}", from.display());
    for entry in fs::read_dir(from).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name() else { continue };
        if name == "node_modules" {
            continue;
        }
        let target = to.join(name);
        let failed = |error| format!("cannot copy {} to {}: {error}", path.display(), target.display());
        if path.is_dir() {
            copy(&path, &target)?;
        } else if path.extension().is_some_and(|extension| extension == "js") {
            fs::write(&target, bare(&fs::read_to_string(&path).map_err(failed)?)).map_err(failed)?;
        } else {
            fs::copy(&path, &target).map_err(failed)?;
        }
    }
    Ok(())
}

/// The code without the lines that hold nothing but a comment. One that stands behind code stays.
fn bare(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut inside = false;
    for line in code.lines() {
        let text = line.trim();
        let opens = text.starts_with("/*");
        let comment = inside || opens || text.starts_with("//");
        inside = (inside || opens) && !text.ends_with("*/");
        if !comment {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn lines_of_comment_go_and_code_stays() {
        let code = "// One.\nlet a = 1; // two\n  /** Three. */\n/**\n * Four\n */\nlet b = \"http://five\";\n";
        assert_eq!(bare(code), "let a = 1; // two\nlet b = \"http://five\";\n");
    }
}
