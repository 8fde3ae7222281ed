"""Rows of the opcode table: references and garbage-collected objects (0xD0.., prefix 0xFB).

The columns are explained in `opcodes.py`, which reads these rows.
"""

ROWS = """
@ reference-types
0xD0      ref.null            heaptype    .                    ref  pure     1   .
0xD1      ref.is_null         .           ref                  i32  pure     1   .
0xD2      ref.func            func        .                    ref  pure     4   .
@ gc
0xD3      ref.eq              .           ref,ref              i32  pure     1   swap
0xFB0000  struct.new          type        ?                    ref  gc       30  .
0xFB0001  struct.new_default  type        .                    ref  gc       30  .
0xFB0002  struct.get          type+field  ref                  ?    gc       4   .
0xFB0003  struct.get_s        type+field  ref                  i32  gc       4   .
0xFB0004  struct.get_u        type+field  ref                  i32  gc       4   .
0xFB0005  struct.set          type+field  ?                    .    gc       4   .
0xFB0006  array.new           type        ?                    ref  gc       40  .
0xFB0007  array.new_default   type        i32                  ref  gc       40  .
0xFB0008  array.new_fixed     type+count  ?                    ref  gc       40  .
0xFB0009  array.new_data      type+data   i32,i32              ref  gc       60  .
0xFB000A  array.new_elem      type+elem   i32,i32              ref  gc       60  .
0xFB000B  array.get           type        ref,i32              ?    gc       5   .
0xFB000C  array.get_s         type        ref,i32              i32  gc       5   .
0xFB000D  array.get_u         type        ref,i32              i32  gc       5   .
0xFB000E  array.set           type        ?                    .    gc       5   .
0xFB000F  array.len           .           ref                  i32  gc       3   .
0xFB0010  array.fill          type        ?                    .    gc       40  .
0xFB0011  array.copy          type+type   ref,i32,ref,i32,i32  .    gc       40  .
0xFB0012  array.init_data     type+data   ref,i32,i32,i32      .    gc       40  .
0xFB0013  array.init_elem     type+elem   ref,i32,i32,i32      .    gc       40  .
0xFB0014  ref.test            heaptype    ref                  i32  pure     4   .
0xFB0015  ref.test_null       heaptype    ref                  i32  pure     4   .
0xFB0016  ref.cast            heaptype    ref                  ref  trap     4   .
0xFB0017  ref.cast_null       heaptype    ref                  ref  trap     4   .
0xFB0018  br_on_cast          cast        ?                    ?    control  4   .
0xFB0019  br_on_cast_fail     cast        ?                    ?    control  4   .
0xFB001A  any.convert_extern  .           ref                  ref  gc       2   .
0xFB001B  extern.convert_any  .           ref                  ref  gc       2   .
0xFB001C  ref.i31             .           i32                  ref  pure     1   .
0xFB001D  i31.get_s           .           ref                  i32  trap     1   .
0xFB001E  i31.get_u           .           ref                  i32  trap     1   .
@ function-references
0xD4      ref.as_non_null     .           ref                  ref  trap     1   .
0xD5      br_on_null          label       ?                    ?    control  1   .
0xD6      br_on_non_null      label       ?                    ?    control  1   .
"""
