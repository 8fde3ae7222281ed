// Builds the components beside this file from their sources: node build.mjs
// Needs npm's @bytecodealliance/jco, which carries wasm-tools and wit-component.
import { readFileSync, writeFileSync } from "node:fs";
import { componentEmbed, componentNew, parse } from "@bytecodealliance/jco";

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const write = (name, data) => writeFileSync(new URL(name, import.meta.url), data);

write("nested.wasm", await parse(read("nested.wat")));
const binary = await parse(read("sum.core.wat"));
const witSource = read("sum.wit");
const embedded = await componentEmbed({ binary, witSource, world: "summing" });
write("sum.wasm", await componentNew(embedded, []));
