//! The bytes to compile, and the forms in which they are accepted.

pub(crate) mod adapter;
pub(crate) mod core_module;
pub(crate) mod module_error;
pub(crate) mod source_error;
mod text;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::source::adapter::{Adapted, adapt};
use crate::source::core_module::CoreModule;
use crate::source::source_error::SourceError;

/// The first bytes of a binary, of a component or a core module.
const MAGIC: &[u8] = b"\0asm";

/// The bytes to compile, and the forms in which they are accepted.
///
/// Binary components always are. Component text and core modules of WASI preview 1 are accepted
/// where the caller says so; both are then made into a binary component first, by the process that
/// compiles. Bytes of a form that is not accepted are refused as an invalid component.
///
/// ```
/// use limits_compile::Source;
///
/// let source = Source::new(b"(component)").with_text();
/// assert_eq!(source.bytes(), b"(component)");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    bytes: &'a [u8],
    forms: Forms,
}

/// The forms beside binary components that are accepted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub(crate) struct Forms {
    /// Component text, and the text of core modules if those are accepted.
    pub(crate) text: bool,
    /// Core modules of WASI preview 1.
    pub(crate) modules: bool,
}

/// A component in binary, made of the bytes of a [`Source`].
#[derive(Debug)]
pub(crate) struct Binary<'a> {
    /// Borrowed if the source is a binary component already.
    pub(crate) bytes: Cow<'a, [u8]>,
    /// The way in which a core module became a component, if the source is one.
    pub(crate) adapted: Option<Adapted>,
}

impl<'a> Source<'a> {
    /// Takes the bytes of a binary component.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, forms: Forms { text: false, modules: false } }
    }

    /// Also accepts component text, of at most 4 MiB.
    #[must_use]
    pub const fn with_text(mut self) -> Self {
        self.forms.text = true;
        self
    }

    /// Also accepts core modules of WASI preview 1, which are adapted: as a command if they export
    /// `_start`, else as a reactor, which needs a WIT world in `component-type` sections.
    #[must_use]
    pub const fn with_modules(mut self) -> Self {
        self.forms.modules = true;
        self
    }

    /// Returns the bytes as they are.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) const fn forms(&self) -> Forms {
        self.forms
    }

    pub(crate) const fn from_parts(bytes: &'a [u8], forms: Forms) -> Self {
        Self { bytes, forms }
    }

    /// Returns whether [`translate`](Self::translate) would do more than return the bytes.
    pub(crate) fn needs_translation(&self) -> bool {
        match self.bytes.starts_with(MAGIC) {
            true => self.forms.modules && CoreModule::is_one(self.bytes),
            false => self.forms.text,
        }
    }

    /// Returns the bytes by which translating and compiling the source cost, but for those of an
    /// adapter.
    pub(crate) fn code_bytes(&self) -> u64 {
        let bytes = match CoreModule::is_one(self.bytes) {
            true => CoreModule::code_bytes(self.bytes),
            false => self.bytes.len(),
        };
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Makes a binary component of the bytes: parses text, and adapts a core module. Bytes of a
    /// form that is not accepted pass as they are: the pre-pass has the better message.
    ///
    /// Blocks the thread, for some milliseconds and a second for each 50 MB, or few seconds for a
    /// source that was written to take long.
    ///
    /// # Errors
    ///
    /// A [`SourceError`] if no component can be made of the bytes.
    pub(crate) fn translate(self) -> Result<Binary<'a>, SourceError> {
        if !self.needs_translation() {
            return Ok(Binary { bytes: Cow::Borrowed(self.bytes), adapted: None });
        }
        let binary = match self.bytes.starts_with(MAGIC) {
            true => Cow::Borrowed(self.bytes),
            false => Cow::Owned(text::parse(self.bytes)?),
        };
        if !self.forms.modules || !CoreModule::is_one(&binary) {
            return Ok(Binary { bytes: binary, adapted: None });
        }
        let (bytes, adapted) = adapt(&binary)?;
        Ok(Binary { bytes: Cow::Owned(bytes), adapted: Some(adapted) })
    }
}

#[cfg(test)]
mod tests {
    use super::Source;
    use crate::source::adapter::Adapter;

    const PROGRAM: &str = "(module (memory (export \"memory\") 1) (func (export \"_start\")))";

    fn binary(source: Source<'_>) -> (Vec<u8>, Option<Adapter>) {
        let binary = source.translate().unwrap();
        (binary.bytes.into_owned(), binary.adapted.map(|adapted| adapted.adapter()))
    }

    #[test]
    fn each_form_is_translated_only_where_it_is_accepted() {
        let component = wat::parse_str("(component)").unwrap();
        let module = wat::parse_str(PROGRAM).unwrap();
        let text = b"(component)";
        assert_eq!(binary(Source::new(&component)), (component.clone(), None));
        assert_eq!(binary(Source::new(text)), (text.to_vec(), None));
        assert_eq!(binary(Source::new(text).with_modules()), (text.to_vec(), None));
        assert_eq!(binary(Source::new(text).with_text()), (component, None));
        assert_eq!(binary(Source::new(&module).with_text()), (module.clone(), None));
        // Text of a module, as far as text goes.
        assert_eq!(binary(Source::new(PROGRAM.as_bytes()).with_text()), (module.clone(), None));
        let (adapted, adapter) = binary(Source::new(&module).with_modules());
        assert_eq!(adapter, Some(Adapter::Command));
        assert_eq!(adapted.get(..8), Some(&b"\0asm\x0d\0\x01\0"[..]));
        let both = Source::new(PROGRAM.as_bytes()).with_text().with_modules();
        assert_eq!(binary(both), (adapted, Some(Adapter::Command)));
    }

    #[test]
    fn padding_buys_a_module_no_budget() {
        let text = |padding: &str| {
            format!(
                "(module (memory 1) (data (i32.const 0) \"{padding}\") (@custom \"a\" \"{padding}\"))"
            )
        };
        let code_bytes = |padding| {
            let module = wat::parse_str(text(padding)).unwrap();
            (module.len(), Source::new(&module).with_modules().code_bytes())
        };
        let padding = "x".repeat(10_000);
        let ((_, small), (length, large)) = (code_bytes("x"), code_bytes(&padding));
        assert!(length > 20_000 && large < small + 10, "{small} {large}");
    }

    #[test]
    fn a_source_without_a_translation_says_so() {
        let component = wat::parse_str("(component)").unwrap();
        let module = wat::parse_str("(module)").unwrap();
        for (bytes, [plain, text, modules]) in [
            (&component[..], [false, false, false]),
            (&module, [false, false, true]),
            (b"(component)", [false, true, false]),
        ] {
            let source = Source::new(bytes);
            assert_eq!(source.needs_translation(), plain);
            assert_eq!(source.with_text().needs_translation(), text);
            assert_eq!(source.with_modules().needs_translation(), modules);
        }
    }
}
