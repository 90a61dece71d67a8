//! Exported functions: found by name, checked against a call, and called.

use core::future::Future;
use std::collections::BTreeMap;

use limits_core::InvalidCall;
use wasmtime::Store;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, Type, TypedFunc,
    Val,
};

use crate::error_map::Own;
use crate::state::HasLimits;
use crate::type_check::matches_type;
use crate::type_text;

/// Bytes of a name that is compared with one that is missing.
const MOST_COMPARED: usize = 256;
/// Exports that are compared with a name that is missing.
const MOST_CANDIDATES: usize = 10_000;
/// The likeness, of 1, from which on a name may be meant.
const LEAST_LIKENESS: f64 = 0.8;

/// The exported functions of a component, found once.
#[derive(Debug)]
pub(crate) struct Exports(BTreeMap<String, ComponentExportIndex>);

impl Exports {
    /// Finds all exported functions.
    pub(crate) fn of(component: &Component) -> Self {
        let mut found = BTreeMap::new();
        let engine = component.engine();
        for (name, export) in component.component_type().exports(engine) {
            match export.ty {
                ComponentItem::ComponentFunc(_) => {
                    if let Some(index) = component.get_export_index(None, name) {
                        found.insert(String::from(name), index);
                    }
                }
                ComponentItem::ComponentInstance(instance) => {
                    let Some(parent) = component.get_export_index(None, name) else { continue };
                    for (function, export) in instance.exports(engine) {
                        if let ComponentItem::ComponentFunc(_) = export.ty
                            && let Some(index) = component.get_export_index(Some(&parent), function)
                        {
                            found.insert(format!("{name}#{function}"), index);
                        }
                    }
                }
                _ => {}
            }
        }
        Self(found)
    }

    /// Finds an exported function of `component`, whose exports these are, by `name` or
    /// `namespace:package/interface@version#name`.
    pub(crate) fn find(
        &self,
        component: &Component,
        name: &str,
    ) -> Result<ComponentExportIndex, InvalidCall> {
        match self.0.get(name) {
            Some(index) => Ok(*index),
            // Wasmtime finds an interface under the names of compatible versions as well.
            None => look_up(component, name).map(|(_, index)| index),
        }
    }
}

/// Checks that values can be passed to the exported function `name`, and finds it.
pub(crate) fn find_for(
    component: &Component,
    name: &str,
    params: &[Val],
) -> Result<ComponentExportIndex, InvalidCall> {
    let (function, index) = look_up(component, name)?;
    let expected = function.params().len();
    if expected != params.len() {
        return Err(InvalidCall::ParameterCount {
            export: String::from(name),
            expected,
            given: params.len(),
            signature: type_text::of_function(&function),
        });
    }
    for ((parameter, ty), value) in function.params().zip(params) {
        if !matches_type(value, &ty) {
            return Err(InvalidCall::ParameterType {
                export: String::from(name),
                parameter: Some(String::from(parameter)),
                expected: type_text::of_type(&ty),
                given: type_text::of_value(value),
                signature: type_text::of_function(&function),
            });
        }
    }
    Ok(index)
}

fn look_up(
    component: &Component,
    name: &str,
) -> Result<(ComponentFunc, ComponentExportIndex), InvalidCall> {
    let (interface, function) = match name.rsplit_once('#') {
        Some((interface, function)) => (Some(interface), function),
        None => (None, name),
    };
    let parent = interface.map(|interface| component.get_export_index(None, interface));
    let found = match parent {
        Some(None) => None,
        Some(Some(parent)) => component.get_export(Some(&parent), function),
        None => component.get_export(None, function),
    };
    match found {
        Some((ComponentItem::ComponentFunc(function), index)) => Ok((function, index)),
        Some(_) => Err(InvalidCall::NotAFunction { export: String::from(name) }),
        None => Err(InvalidCall::NoExport {
            export: String::from(name),
            nearest: nearest(component, name),
        }),
    }
}

/// Finds the exported function whose name is most like `name`, in a bounded number of steps.
fn nearest(component: &Component, name: &str) -> Option<String> {
    if name.len() > MOST_COMPARED {
        return None;
    }
    let mut best: Option<(f64, String)> = None;
    let mut left = MOST_CANDIDATES;
    let mut compare = |interface: Option<&str>, function: &str| {
        let length = interface.map_or(0, str::len).saturating_add(function.len());
        if left == 0 || length > MOST_COMPARED {
            return;
        }
        left -= 1;
        let candidate = match interface {
            Some(interface) => format!("{interface}#{function}"),
            None => String::from(function),
        };
        let likeness = strsim::jaro_winkler(name, &candidate);
        if likeness > best.as_ref().map_or(LEAST_LIKENESS, |(likeness, _)| *likeness) {
            best = Some((likeness, candidate));
        }
    };
    let engine = component.engine();
    for (name, export) in component.component_type().exports(engine) {
        match export.ty {
            ComponentItem::ComponentFunc(_) => compare(None, name),
            ComponentItem::ComponentInstance(instance) => {
                for (function, export) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(_) = export.ty {
                        compare(Some(name), function);
                    }
                }
            }
            _ => {}
        }
    }
    best.map(|(_, name)| name)
}

/// Describes a typed call whose types are not those of the exported function `name`.
///
/// Wasmtime gives the two types in words only, and calls the caller's "expected" and the
/// component's "found".
fn mismatch(component: &Component, name: &str, error: &wasmtime::Error) -> InvalidCall {
    let function = match look_up(component, name) {
        Ok((function, _)) => function,
        Err(call) => return call,
    };
    let export = String::from(name);
    let signature = type_text::of_function(&function);
    let words = error.root_cause().to_string();
    let (given, expected) = words
        .strip_prefix("expected ")
        .and_then(|words| words.split_once(" found "))
        .map_or((words.as_str(), signature.as_str()), |(given, expected)| {
            (given.trim_end_matches(',').trim_matches('`'), expected.trim_matches('`'))
        });
    let is_result = error.chain().any(|cause| cause.to_string() == "type mismatch with results");
    let types: Vec<Type> = if is_result {
        function.results().collect()
    } else {
        function.params().map(|(_, ty)| ty).collect()
    };
    let count = |words: &str| words.strip_suffix("-tuple")?.parse().ok();
    // A parameter of its own can be a tuple; then the words do not tell which tuple they mean.
    let is_list = !types.iter().any(|ty| type_text::of_type(ty).contains("tuple<"));
    if let (true, Some(expected), Some(given)) = (is_list, count(expected), count(given)) {
        return if is_result {
            InvalidCall::ResultCount { export, expected, given, signature }
        } else {
            InvalidCall::ParameterCount { export, expected, given, signature }
        };
    }
    let (expected, given) = (String::from(expected), String::from(given));
    if is_result {
        return InvalidCall::ResultType { export, expected, given, signature };
    }
    let mut names = function.params().map(|(name, _)| String::from(name));
    let parameter = if names.len() == 1 { names.next() } else { None };
    InvalidCall::ParameterType { export, parameter, expected, given, signature }
}

/// Finds a function by its index in `component`, for parameters and results of the caller's types.
pub(crate) fn typed_function<T, P, R>(
    store: &mut Store<T>,
    instance: Instance,
    component: &Component,
    export: &str,
    index: &ComponentExportIndex,
) -> Result<TypedFunc<P, R>, InvalidCall>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    instance
        .get_typed_func::<P, R>(store, index)
        .map_err(|error| mismatch(component, export, &error))
}

/// Finds a function of a new instance by its index in `component`, and calls it.
pub(crate) async fn call_once<T, P, R>(
    store: &mut Store<T>,
    instance: Instance,
    component: &Component,
    export: &str,
    index: &ComponentExportIndex,
    params: P,
) -> wasmtime::Result<R>
where
    T: HasLimits + Send + 'static,
    P: ComponentNamedList + Lower + Send + Sync,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    let function = typed_function::<T, P, R>(store, instance, component, export, index)
        .map_err(|call| Own(call.into()))?;
    store.data_mut().limits().note_instance_and_call();
    function.call_async(store, params).await
}

/// Calls a function of a kept instance, right at the start of an execution. The future is to be
/// polled next.
pub(crate) fn call_typed<'c, T, P, R>(
    store: &'c mut Store<T>,
    function: &'c TypedFunc<P, R>,
    params: P,
) -> impl Future<Output = wasmtime::Result<R>> + use<'c, T, P, R>
where
    T: HasLimits + Send + 'static,
    P: ComponentNamedList + Lower + Send + Sync,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    store.data_mut().limits().meter.note_immediate_call();
    function.call_async(store, params)
}

/// Calls a function with dynamically typed values that fit it.
pub(crate) async fn call_dynamic<T: Send + 'static>(
    store: &mut Store<T>,
    instance: Instance,
    index: &ComponentExportIndex,
    params: &[Val],
) -> wasmtime::Result<Vec<Val>> {
    let Some(function) = instance.get_func(&mut *store, index) else {
        return Err(wasmtime::Error::msg("an export of the component is missing in its instance"));
    };
    let results = function.ty(&*store).results().len();
    let mut results = vec![Val::Bool(false); results];
    function.call_async(store, params, &mut results).await?;
    Ok(results)
}
