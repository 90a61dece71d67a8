//! The cache of compiled components, as the command line asks for it.

use limits_compile::Cache;

use crate::args::compile_args::CacheArgs;
use crate::inputs::cache_place::CachePlace;

/// Opens the cache. Returns none if the command line asks for none, and a notice in place of one
/// that cannot be opened: components compile without it. Blocks the thread.
pub(crate) fn open(args: &CacheArgs) -> (Option<Cache>, Option<String>) {
    if args.no_cache {
        return (None, None);
    }
    let opened = CachePlace::find(args.cache.as_deref())
        .map_err(|homeless| homeless.to_string())
        .and_then(|CachePlace { dir, key_file }| {
            Cache::open(&dir, &key_file, Cache::DEFAULT_MAX_BYTES)
                .map_err(|error| error.to_string())
        });
    match opened {
        Ok(cache) => (Some(cache), None),
        Err(reason) => (None, Some(format!("compiled components are not kept: {reason}"))),
    }
}
