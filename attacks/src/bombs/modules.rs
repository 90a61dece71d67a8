//! Modules with very many parts.

use std::borrow::Cow;

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    MemorySection, MemoryType, Module, RefType, TableSection, TableType, TypeSection, ValType,
};

const NUMBER: GlobalType = GlobalType { val_type: ValType::I32, mutable: false, shared: false };

/// A module that exports the global that `imports_base` imports.
pub(super) fn base() -> Module {
    let mut globals = GlobalSection::new();
    globals.global(NUMBER, &ConstExpr::i32_const(0));
    let mut exports = ExportSection::new();
    exports.export("at", ExportKind::Global, 0);
    let mut module = Module::new();
    module.section(&globals).section(&exports);
    module
}

fn imports_base() -> ImportSection {
    let mut imports = ImportSection::new();
    imports.import("base", "at", EntityType::Global(NUMBER));
    imports
}

fn empty_body() -> Function {
    let mut body = Function::new([]);
    body.instructions().end();
    body
}

pub(super) fn elements(elements: u32, segments: u32) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        minimum: elements.into(),
        maximum: None,
        table64: false,
        shared: false,
    });
    let mut section = ElementSection::new();
    for _ in 0..segments {
        let functions: Vec<u32> = (0..elements / segments).map(|_| 0).collect();
        let items = Elements::Functions(Cow::Owned(functions));
        section.active(Some(0), &ConstExpr::global_get(0), items);
    }
    let mut code = CodeSection::new();
    code.function(&empty_body());
    let mut module = Module::new();
    module.section(&types).section(&imports_base()).section(&functions).section(&tables);
    module.section(&section).section(&code);
    module
}

pub(super) fn segments(segments: u32, bytes: u32) -> Module {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut data = DataSection::new();
    for _ in 0..segments {
        data.active(0, &ConstExpr::global_get(0), (0..bytes).map(|_| 1));
    }
    let mut module = Module::new();
    module.section(&imports_base()).section(&memories).section(&data);
    module
}

pub(super) fn functions(functions: u32) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    with_functions(&types, (0..functions).map(|_| 0), false)
}

pub(super) fn signatures(signatures: u32) -> Module {
    let mut types = TypeSection::new();
    for at in 0..signatures {
        let of_bit = |bit: u32| if (at >> bit) & 1 == 0 { ValType::I32 } else { ValType::I64 };
        types.ty().function((0..16).map(of_bit).collect::<Vec<_>>(), []);
    }
    with_functions(&types, 0..signatures, true)
}

fn with_functions(
    types: &TypeSection,
    each: impl Iterator<Item = u32> + Clone,
    are_exported: bool,
) -> Module {
    let mut functions = FunctionSection::new();
    let mut exports = ExportSection::new();
    let mut code = CodeSection::new();
    for (at, ty) in (0_u32..).zip(each) {
        functions.function(ty);
        code.function(&empty_body());
        if are_exported {
            exports.export(&at.to_string(), ExportKind::Func, at);
        }
    }
    let mut module = Module::new();
    module.section(types).section(&functions).section(&exports).section(&code);
    module
}

pub(super) fn constants(operators: u32) -> Module {
    let mut value = ConstExpr::i32_const(1);
    for _ in 0..operators / 2 {
        value = value.with_i32_const(3).with_i32_add();
    }
    let mut globals = GlobalSection::new();
    globals.global(NUMBER, &value);
    let mut module = Module::new();
    module.section(&globals);
    module
}

pub(super) fn globals(count: u32) -> Module {
    let mut globals = GlobalSection::new();
    for _ in 0..count {
        globals.global(NUMBER, &ConstExpr::i32_const(1));
    }
    let mut module = Module::new();
    module.section(&globals);
    module
}
