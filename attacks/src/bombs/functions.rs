//! Modules with one function that is expensive to compile.

use wasm_encoder::{
    BlockType, CodeSection, Function, FunctionSection, Module, RefType, TableSection, TableType,
    TypeSection, ValType,
};

/// A module with one function, whose type has so many parameters and as many results if it
/// `returns`.
fn module_of(parameters: u32, returns: bool, function: &Function) -> Module {
    let values = |count: u32| (0..count).map(|_| ValType::I32).collect::<Vec<_>>();
    let mut types = TypeSection::new();
    types.ty().function(values(parameters), if returns { values(parameters) } else { Vec::new() });
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut code = CodeSection::new();
    code.function(function);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module
}

pub(super) fn diamonds(locals: u32, diamonds: u32) -> Module {
    let mut body = Function::new([(locals, ValType::I32)]);
    for at in 0..diamonds {
        body.instructions()
            .local_get(0)
            .if_(BlockType::Empty)
            .local_get(0)
            .local_set(1 + at % locals)
            .end();
    }
    for local in 1..=locals {
        body.instructions().local_get(local).local_get(0).i32_add().local_set(0);
    }
    body.instructions().end();
    module_of(1, false, &body)
}

pub(super) fn loops(depth: u32, locals: u32) -> Module {
    let mut body = Function::new([(locals, ValType::I32)]);
    for _ in 0..depth {
        body.instructions().loop_(BlockType::Empty);
    }
    for local in 1..=locals {
        body.instructions().local_get(local).i32_const(1).i32_add().local_set(local);
    }
    for _ in 0..depth {
        body.instructions().local_get(0).br_if(0).end();
    }
    body.instructions().end();
    module_of(1, false, &body)
}

pub(super) fn nesting(depth: u32) -> Module {
    let mut body = Function::new([]);
    for _ in 0..depth {
        body.instructions().block(BlockType::Empty);
    }
    for _ in 0..depth {
        body.instructions().local_get(0).br_if(0).end();
    }
    body.instructions().end();
    module_of(1, false, &body)
}

/// So many constants, each seven bytes with its operator.
pub(super) fn straight(constants: u32) -> Module {
    let mut body = Function::new([]);
    body.instructions().local_get(0);
    for at in 0..constants {
        // A negative number is written in five bytes.
        body.instructions().i32_const(i32::MIN.saturating_add_unsigned(at)).i32_xor();
    }
    body.instructions().drop().end();
    module_of(1, false, &body)
}

pub(super) fn calls(calls: u32) -> Module {
    let mut body = Function::new([]);
    for _ in 0..calls {
        body.instructions().local_get(0).local_get(0).call_indirect(0, 0);
    }
    body.instructions().end();
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        minimum: 1,
        maximum: None,
        table64: false,
        shared: false,
    });
    let mut code = CodeSection::new();
    code.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&tables).section(&code);
    module
}

pub(super) fn flat_loops(loops: u32) -> Module {
    let mut body = Function::new([]);
    for _ in 0..loops {
        body.instructions().loop_(BlockType::Empty).local_get(0).br_if(0).end();
    }
    body.instructions().end();
    module_of(1, false, &body)
}

pub(super) fn branch_tables(tables: u32, targets: u32) -> Module {
    let targets: Vec<u32> = (0..targets).map(|_| 0).collect();
    let mut body = Function::new([]);
    for _ in 0..tables {
        body.instructions()
            .block(BlockType::Empty)
            .local_get(0)
            .br_table(targets.iter().copied(), 0)
            .end();
    }
    body.instructions().end();
    module_of(1, false, &body)
}

pub(super) fn values(width: u32, rounds: u32) -> Module {
    // The most parameters of a valid function.
    let width = width.min(1_000);
    let mut body = Function::new([]);
    for at in 0..width {
        body.instructions().local_get(at);
    }
    for round in 0..rounds {
        if round % 2 == 0 {
            body.instructions().call(0);
        } else {
            body.instructions().block(BlockType::FunctionType(0)).local_get(0).br_if(0).end();
        }
    }
    body.instructions().end();
    module_of(width, true, &body)
}
