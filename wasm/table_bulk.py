"""Rows of the opcode table: prefix 0xFC (saturating conversion, bulk memory, wide arithmetic).

The columns are explained in `opcodes.py`, which reads these rows.
"""

ROWS = """
@ saturating-float-to-int
0xFC0000  i32.trunc_sat_f32_s  .              f32              i32      pure   9    .
0xFC0001  i32.trunc_sat_f32_u  .              f32              i32      pure   9    .
0xFC0002  i32.trunc_sat_f64_s  .              f64              i32      pure   9    .
0xFC0003  i32.trunc_sat_f64_u  .              f64              i32      pure   9    .
0xFC0004  i64.trunc_sat_f32_s  .              f32              i64      pure   9    .
0xFC0005  i64.trunc_sat_f32_u  .              f32              i64      pure   9    .
0xFC0006  i64.trunc_sat_f64_s  .              f64              i64      pure   9    .
0xFC0007  i64.trunc_sat_f64_u  .              f64              i64      pure   9    .
@ bulk-memory
0xFC0008  memory.init          data+memory    addr,i32,i32     .        bulk   40   .
0xFC0009  data.drop            data           .                .        bulk   20   .
0xFC000A  memory.copy          memory+memory  ?                .        bulk   40   .
0xFC000B  memory.fill          memory         addr,i32,addr    .        bulk   40   .
0xFC000C  table.init           elem+table     addr,i32,i32     .        table  40   .
0xFC000D  elem.drop            elem           .                .        table  20   .
0xFC000E  table.copy           table+table    ?                .        table  40   .
@ reference-types
0xFC000F  table.grow           table          ref,addr         addr     table  200  .
0xFC0010  table.size           table          .                addr     table  2    .
0xFC0011  table.fill           table          addr,ref,addr    .        table  40   .
@ wide-arithmetic
0xFC0013  i64.add128           .              i64,i64,i64,i64  i64,i64  pure   2    .
0xFC0014  i64.sub128           .              i64,i64,i64,i64  i64,i64  pure   2    .
0xFC0015  i64.mul_wide_s       .              i64,i64          i64,i64  pure   4    swap
0xFC0016  i64.mul_wide_u       .              i64,i64          i64,i64  pure   4    swap
"""
