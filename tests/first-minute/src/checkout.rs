//! A fresh clone, and the environment of a reader who has just made it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::failure::Failure;

/// The variables that `cargo run` sets for this program, and others that would change what a reader sees.
const REMOVED: [&str; 12] = [
    "CARGO",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_DIR",
    "COLUMNS",
    "LD_LIBRARY_PATH",
    "NO_COLOR",
    "RUST_LOG",
    "RUST_RECURSION_COUNT",
    "RUSTUP_TOOLCHAIN",
];

pub(crate) struct Checkout {
    directory: TempDir,
    search_path: String,
    /// The target directory, if it is not in the clone.
    target: Option<PathBuf>,
}

impl Checkout {
    /// Clones the commit that is checked out. With `warm`, the target directory of `root` is used.
    pub(crate) fn make(root: &Path, warm: bool) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("first minute ").tempdir()?;
        for folder in ["home", "installed/bin", "temporary"] {
            fs::create_dir_all(directory.path().join(folder))?;
        }
        let cloned = Command::new("git")
            .args(["clone", "--quiet", "--no-hardlinks"])
            .args([root, &directory.path().join("stepwell")])
            .status()?;
        if !cloned.success() {
            return Err("git clone failed".into());
        }
        let installed = directory.path().join("installed/bin");
        let search_path = env::var_os("PATH").unwrap_or_default();
        if let Some(found) =
            env::split_paths(&search_path).find(|path| path.join("stepwell").exists())
        {
            return Err(format!(
                "there is a stepwell in {} already: whether the README installs it would not be seen",
                found.display()
            )
            .into());
        }
        let search_path = env::join_paths(
            [installed]
                .into_iter()
                .chain(env::split_paths(&search_path)),
        )?;
        let search_path = search_path
            .into_string()
            .map_err(|_| "the PATH is not UTF-8")?;
        Ok(Self {
            directory,
            search_path,
            target: warm.then(|| {
                let target = env::var_os("CARGO_TARGET_DIR");
                target.map_or_else(|| root.join("target"), PathBuf::from)
            }),
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("stepwell")
    }

    /// A command for a new shell in the clone. Builds and installations stay in the clone; cargo's downloads are reused.
    pub(crate) fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        // `exec` replaces the shell, so that only the command gets Ctrl-C.
        shell.arg("-c").arg(format!("exec {command}"));
        let varies = |name: &str| {
            REMOVED.contains(&name)
                || ["CARGO_PKG_", "CARGO_BIN_", "STEPWELL_"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
        };
        for (name, _) in env::vars_os() {
            if name.to_str().is_none_or(varies) {
                shell.env_remove(name);
            }
        }
        let home = |name, folder| {
            env::var_os(name).or_else(|| Some(Path::new(&env::var_os("HOME")?).join(folder).into()))
        };
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if let Some(path) = home(name, folder) {
                shell.env(name, path);
            }
        }
        if let Some(target) = &self.target {
            shell.env("CARGO_TARGET_DIR", target);
        }
        shell
            .current_dir(self.path())
            .env("HOME", self.directory.path().join("home"))
            .env(
                "CARGO_INSTALL_ROOT",
                self.directory.path().join("installed"),
            )
            .env("TMPDIR", self.directory.path().join("temporary"))
            .env("PATH", &self.search_path)
            .env("TERM", "xterm");
        shell
    }

    pub(crate) fn remove(self) -> Result<(), Failure> {
        Ok(self.directory.close()?)
    }
}
