//! Generates the client from the recorded OpenAPI document, as Arroyo's own `arroyo-openapi` does for `arroyo run`.

#[cfg(feature = "generated")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::path::Path;
    use std::{env, fs};

    use progenitor::{GenerationSettings, Generator, InterfaceStyle};

    let manifest = env::var("CARGO_MANIFEST_DIR")?;
    let document = Path::new(&manifest).join("../../../tests/contract/recordings/openapi.json");
    println!("cargo::rerun-if-changed={}", document.display());
    // The document goes in as the server gave it: it is 3.0.3, and no operation has two replies of one kind.
    let document = serde_json::from_str(&fs::read_to_string(document)?)?;
    let mut settings = GenerationSettings::new();
    settings.with_interface(InterfaceStyle::Builder);
    let code = Generator::new(&settings).generate_tokens(&document)?;
    fs::write(
        Path::new(&env::var("OUT_DIR")?).join("client.rs"),
        code.to_string(),
    )?;
    Ok(())
}

#[cfg(not(feature = "generated"))]
const fn main() {}
