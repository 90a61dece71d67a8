//! The macro that makes types of the table of settings.

/// Defines the settings, one row each, by the table of the file that holds them.
///
/// A row is `Key field: Type = kind, default, becomes, enforcer;` under its description. It becomes
/// a key of [`SettingKey`](crate::SettingKey) with a [`Row`](crate::settings::row::Row), and a
/// field of its table's struct, which walks over the rows read, write and describe.
macro_rules! settings {
    ($(
        $list:ident {$(
            $(#[$table_attribute:meta])*
            $table:ident = $prefix:literal, $scope:expr, {$(
                $(#[doc = $about:literal])+
                $key:ident $field:ident: $type:ty = $kind:expr,
                $default:expr, $becomes:expr, $enforcer:expr;
            )+}
        )+}
    )+) => {
        /// The key of a setting.
        ///
        /// A setting is a value of `Component.toml` or of the policy file that decides how much
        /// is allowed. Keys are ordered as in the file.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum SettingKey {$($($(
            #[doc = concat!("`", $prefix, ".", stringify!($field), "`:")]
            $(#[doc = $about])+
            $key,
        )+)+)+}

        impl SettingKey {
            /// All keys: those of `Component.toml`, then those of `[host]` of the policy file.
            pub const ALL: &'static [Self] = &[$($($(Self::$key),+),+),+];

            $(
                #[doc = settings!(@list $list)]
                pub const $list: &'static [Self] = &[$($(Self::$key),+),+];
            )+

            /// Returns the row of the key.
            pub(crate) const fn row(self) -> &'static Row {
                match self {$($($(
                    Self::$key => {
                        static ROW: Row = Row {
                            path: concat!($prefix, ".", stringify!($field)),
                            scope: $scope,
                            kind: $kind,
                            default: $default,
                            becomes: $becomes,
                            enforcer: $enforcer,
                            about: concat!($($about),+),
                        };
                        &ROW
                    }
                )+)+)+}
            }
        }

        $($(
            $(#[$table_attribute])*
            #[derive(Clone, Debug, Default, Eq, PartialEq)]
            #[non_exhaustive]
            pub struct $table {$(
                $(#[doc = $about])+
                pub $field: $type,
            )+}

            impl Section for $table {
                const PREFIX: &'static str = $prefix;
                const KEYS: &'static [SettingKey] = &[$(SettingKey::$key),+];
                const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];

                fn declared(&self) -> Declared {
                    let mut declared = Declared::default();
                    $(declared.set(SettingKey::$key, Field::value(&self.$field));)+
                    declared
                }

                fn from_declared(declared: &Declared) -> Result<Self, &'static str> {
                    Ok(Self {$(
                        $field: Field::of(declared.get(SettingKey::$key)).ok_or(stringify!($field))?,
                    )+})
                }
            }

            impl Serialize for $table {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    section::write(self, serializer)
                }
            }

            impl<'de> Deserialize<'de> for $table {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    section::read(deserializer)
                }
            }

            #[cfg(any(test, feature = "schema"))]
            impl schemars::JsonSchema for $table {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    stringify!($table).into()
                }

                fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    section::schema::<Self>(true)
                }
            }
        )+)+
    };
    (@list COMPONENT) => { "The keys of `Component.toml`, in the order of the file." };
    (@list HOST) => { "The keys of `[host]` of the policy file, in the order of the file." };
}

pub(crate) use settings;
