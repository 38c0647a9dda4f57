//! What each step does.
//!
//! Warnings are denied by arguments to clippy and rustdoc, never by RUSTFLAGS: other flags would mean other builds of every dependency.

use std::path::PathBuf;

use super::browser;
use crate::shell::{Outcome, run};
use crate::workspace::Workspace;
use crate::{chromium, coturn, ffmpeg, npm, purity, tarball, tools};

/// One run of the tests: what a step made and a later one uses.
pub(super) struct Session<'a> {
    workspace: &'a Workspace,
    tarball: Option<PathBuf>,
    closing: String,
}

impl<'a> Session<'a> {
    pub(super) fn new(workspace: &'a Workspace) -> Self {
        Self { workspace, tarball: None, closing: String::new() }
    }

    /// The last test runner's own summary, to be printed after everything else.
    pub(super) fn closing(&self) -> &str {
        &self.closing
    }

    pub(super) fn format(&self) -> Outcome {
        run(&mut self.workspace.cargo(["fmt", "--all", "--check"]))
            .map_err(|failure| format!("{failure}\nTo format the sources: cargo fmt --all"))
    }

    pub(super) fn purity(&self) -> Outcome {
        purity::check(self.workspace)
    }

    pub(super) fn lint(&self) -> Outcome {
        run(&mut self.workspace.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    }

    pub(super) fn wasm(&self) -> Outcome {
        tools::ensure_target(self.workspace)?;
        let package = ["clippy", "--package", "samewire-wasm", "--target", tools::WASM_TARGET];
        run(self.workspace.cargo(package).args(["--", "-D", "warnings"]))
    }

    pub(super) fn docs(&self) -> Outcome {
        // Libraries only: the program `samewire` and the library `samewire` would write to the same place.
        let mut doc = self.workspace.cargo(["doc", "--workspace", "--lib", "--no-deps"]);
        run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    }

    pub(super) fn rust(&self) -> Outcome {
        ffmpeg::ensure(self.workspace)?;
        coturn::ensure(self.workspace)?;
        let server = self.server()?;
        run(self.workspace.cargo(["test", "--workspace"]).env("SAMEWIRE_BIN", server))
    }

    pub(super) fn package(&mut self) -> Outcome {
        self.tarball().map(|_| ())
    }

    pub(super) fn types(&mut self) -> Outcome {
        self.tarball()?;
        let compiler = "tests/browser/node_modules/typescript/bin/tsc";
        run(self.workspace.command("node").args([compiler, "--project", "tests/browser"]))
    }

    pub(super) fn browser(&mut self) -> Outcome {
        let chromium = chromium::ensure(self.workspace)?;
        ffmpeg::ensure(self.workspace)?;
        coturn::ensure(self.workspace)?;
        npm::ensure_installed(self.workspace, npm::DEMO)?;
        let server = self.server()?;
        let tarball = self.tarball()?;
        let mut node = browser::command(self.workspace)?;
        node.env("CHROMIUM", chromium).env("SAMEWIRE_BIN", server).env("SAMEWIRE_TARBALL", tarball);
        self.closing = browser::run(&mut node)?;
        Ok(())
    }

    /// Builds the programs with the very features that `cargo test --workspace` uses, so nothing is built twice, and returns the
    /// server's path. This program is left out: it is running.
    fn server(&self) -> Outcome<PathBuf> {
        run(&mut self.workspace.cargo(["build", "--workspace", "--exclude", "xtask", "--bins", "--tests"]))?;
        Ok(self.workspace.program("debug", "samewire"))
    }

    /// Packs the npm package once in a run, and unpacks it where the tests import it.
    fn tarball(&mut self) -> Outcome<PathBuf> {
        if let Some(tarball) = &self.tarball {
            return Ok(tarball.clone());
        }
        let tarball = tarball::pack(self.workspace)?;
        tarball::install(self.workspace, &tarball)?;
        self.tarball = Some(tarball.clone());
        Ok(tarball)
    }
}
