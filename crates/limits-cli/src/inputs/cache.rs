//! The cache of compiled components, as the command line asks for it.

use limits_compile::Cache;

use crate::args::DirGrant;
use crate::args::compile_args::CacheArgs;
use crate::inputs::cache_place::CachePlace;
use crate::inputs::names_within::names_within;
use crate::quote::{quoted, quoted_path};

/// Opens the cache for a guest that is given `dirs`. Returns none if the command line asks for
/// none, and a notice in place of one that cannot be opened: components compile without it. Blocks
/// the thread.
pub(crate) fn open(args: &CacheArgs, dirs: &[DirGrant]) -> (Option<Cache>, Option<String>) {
    if args.no_cache {
        return (None, None);
    }
    match opened(args, dirs) {
        Ok(cache) => (Some(cache), None),
        Err(reason) => (None, Some(format!("compiled components are not kept: {reason}"))),
    }
}

fn opened(args: &CacheArgs, dirs: &[DirGrant]) -> Result<Cache, String> {
    let CachePlace { dir, key_file } =
        CachePlace::find(args.cache.as_deref()).map_err(|error| error.to_string())?;
    // A guest that reads the key could write code that the command runs.
    let reaching = dirs.iter().find(|given| !names_within(&key_file, &given.host).is_empty());
    if let Some(given) = reaching {
        let given = quoted_path(&given.host);
        return Err(format!("their key lies in {given}, which is given to the guest"));
    }
    Cache::open(&dir, &key_file, Cache::DEFAULT_MAX_BYTES)
        .map_err(|error| quoted(&error.to_string()))
}
