//! What the wasm module imports: from its own glue, and from nothing else.

use std::fs;
use std::path::Path;

use wasmparser::{Parser, Payload};

use crate::shell::Outcome;

/// The name under which wasm-bindgen's glue hands its functions to the module.
const GLUE: &str = "./samewire_bg.js";

/// Fails when the module wants something that no browser gives it. The usual case is `env`: a dependency that calls C or the system.
pub(crate) fn check(wasm: &Path) -> Outcome {
    let bytes = fs::read(wasm).map_err(|error| format!("cannot read {}: {error}", wasm.display()))?;
    let foreign = foreign(&bytes).map_err(|error| format!("{} is not a wasm module: {error}", wasm.display()))?;
    if foreign.is_empty() {
        return Ok(());
    }
    Err(format!("{} imports what a browser does not have: {}", wasm.display(), foreign.join(", ")))
}

fn foreign(module: &[u8]) -> Result<Vec<String>, wasmparser::BinaryReaderError> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                let import = import?;
                if import.module != GLUE {
                    found.push(format!("{}.{}", import.module, import.name));
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::foreign;

    /// A module of one function type and one imported function: `module`.`name`.
    fn importing(module: &str, name: &str) -> Vec<u8> {
        let mut wasm = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0".to_vec();
        let mut section = vec![1];
        for text in [module, name] {
            section.push(text.len() as u8);
            section.extend(text.as_bytes());
        }
        section.extend([0, 0]);
        wasm.extend([2, section.len() as u8]);
        wasm.extend(section);
        wasm
    }

    #[test]
    fn the_glue_is_no_foreigner() {
        assert_eq!(foreign(&importing("./samewire_bg.js", "__wbg_now")).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn env_is_named() {
        assert_eq!(foreign(&importing("env", "malloc")).unwrap(), ["env.malloc"]);
    }

    #[test]
    fn rubbish_is_an_error() {
        assert!(foreign(b"<html>").is_err());
    }
}
