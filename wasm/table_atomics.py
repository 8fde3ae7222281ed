"""Rows of the opcode table: prefix 0xFE (threads and atomics).

The columns are explained in `opcodes.py`, which reads these rows.
"""

ROWS = """
@ threads
0xFE0000  memory.atomic.notify        memarg  addr,i32      i32  atomic  100  .
0xFE0001  memory.atomic.wait32        memarg  addr,i32,i64  i32  atomic  100  .
0xFE0002  memory.atomic.wait64        memarg  addr,i64,i64  i32  atomic  100  .
0xFE0003  atomic.fence                zero    .             .    atomic  20   .
0xFE0010  i32.atomic.load             memarg  addr          i32  atomic  5    .
0xFE0011  i64.atomic.load             memarg  addr          i64  atomic  5    .
0xFE0012  i32.atomic.load8_u          memarg  addr          i32  atomic  5    .
0xFE0013  i32.atomic.load16_u         memarg  addr          i32  atomic  5    .
0xFE0014  i64.atomic.load8_u          memarg  addr          i64  atomic  5    .
0xFE0015  i64.atomic.load16_u         memarg  addr          i64  atomic  5    .
0xFE0016  i64.atomic.load32_u         memarg  addr          i64  atomic  5    .
0xFE0017  i32.atomic.store            memarg  addr,i32      .    atomic  20   .
0xFE0018  i64.atomic.store            memarg  addr,i64      .    atomic  20   .
0xFE0019  i32.atomic.store8           memarg  addr,i32      .    atomic  20   .
0xFE001A  i32.atomic.store16          memarg  addr,i32      .    atomic  20   .
0xFE001B  i64.atomic.store8           memarg  addr,i64      .    atomic  20   .
0xFE001C  i64.atomic.store16          memarg  addr,i64      .    atomic  20   .
0xFE001D  i64.atomic.store32          memarg  addr,i64      .    atomic  20   .
0xFE001E  i32.atomic.rmw.add          memarg  addr,i32      i32  atomic  20   .
0xFE001F  i64.atomic.rmw.add          memarg  addr,i64      i64  atomic  20   .
0xFE0020  i32.atomic.rmw8.add_u       memarg  addr,i32      i32  atomic  20   .
0xFE0021  i32.atomic.rmw16.add_u      memarg  addr,i32      i32  atomic  20   .
0xFE0022  i64.atomic.rmw8.add_u       memarg  addr,i64      i64  atomic  20   .
0xFE0023  i64.atomic.rmw16.add_u      memarg  addr,i64      i64  atomic  20   .
0xFE0024  i64.atomic.rmw32.add_u      memarg  addr,i64      i64  atomic  20   .
0xFE0025  i32.atomic.rmw.sub          memarg  addr,i32      i32  atomic  20   .
0xFE0026  i64.atomic.rmw.sub          memarg  addr,i64      i64  atomic  20   .
0xFE0027  i32.atomic.rmw8.sub_u       memarg  addr,i32      i32  atomic  20   .
0xFE0028  i32.atomic.rmw16.sub_u      memarg  addr,i32      i32  atomic  20   .
0xFE0029  i64.atomic.rmw8.sub_u       memarg  addr,i64      i64  atomic  20   .
0xFE002A  i64.atomic.rmw16.sub_u      memarg  addr,i64      i64  atomic  20   .
0xFE002B  i64.atomic.rmw32.sub_u      memarg  addr,i64      i64  atomic  20   .
0xFE002C  i32.atomic.rmw.and          memarg  addr,i32      i32  atomic  20   .
0xFE002D  i64.atomic.rmw.and          memarg  addr,i64      i64  atomic  20   .
0xFE002E  i32.atomic.rmw8.and_u       memarg  addr,i32      i32  atomic  20   .
0xFE002F  i32.atomic.rmw16.and_u      memarg  addr,i32      i32  atomic  20   .
0xFE0030  i64.atomic.rmw8.and_u       memarg  addr,i64      i64  atomic  20   .
0xFE0031  i64.atomic.rmw16.and_u      memarg  addr,i64      i64  atomic  20   .
0xFE0032  i64.atomic.rmw32.and_u      memarg  addr,i64      i64  atomic  20   .
0xFE0033  i32.atomic.rmw.or           memarg  addr,i32      i32  atomic  20   .
0xFE0034  i64.atomic.rmw.or           memarg  addr,i64      i64  atomic  20   .
0xFE0035  i32.atomic.rmw8.or_u        memarg  addr,i32      i32  atomic  20   .
0xFE0036  i32.atomic.rmw16.or_u       memarg  addr,i32      i32  atomic  20   .
0xFE0037  i64.atomic.rmw8.or_u        memarg  addr,i64      i64  atomic  20   .
0xFE0038  i64.atomic.rmw16.or_u       memarg  addr,i64      i64  atomic  20   .
0xFE0039  i64.atomic.rmw32.or_u       memarg  addr,i64      i64  atomic  20   .
0xFE003A  i32.atomic.rmw.xor          memarg  addr,i32      i32  atomic  20   .
0xFE003B  i64.atomic.rmw.xor          memarg  addr,i64      i64  atomic  20   .
0xFE003C  i32.atomic.rmw8.xor_u       memarg  addr,i32      i32  atomic  20   .
0xFE003D  i32.atomic.rmw16.xor_u      memarg  addr,i32      i32  atomic  20   .
0xFE003E  i64.atomic.rmw8.xor_u       memarg  addr,i64      i64  atomic  20   .
0xFE003F  i64.atomic.rmw16.xor_u      memarg  addr,i64      i64  atomic  20   .
0xFE0040  i64.atomic.rmw32.xor_u      memarg  addr,i64      i64  atomic  20   .
0xFE0041  i32.atomic.rmw.xchg         memarg  addr,i32      i32  atomic  20   .
0xFE0042  i64.atomic.rmw.xchg         memarg  addr,i64      i64  atomic  20   .
0xFE0043  i32.atomic.rmw8.xchg_u      memarg  addr,i32      i32  atomic  20   .
0xFE0044  i32.atomic.rmw16.xchg_u     memarg  addr,i32      i32  atomic  20   .
0xFE0045  i64.atomic.rmw8.xchg_u      memarg  addr,i64      i64  atomic  20   .
0xFE0046  i64.atomic.rmw16.xchg_u     memarg  addr,i64      i64  atomic  20   .
0xFE0047  i64.atomic.rmw32.xchg_u     memarg  addr,i64      i64  atomic  20   .
0xFE0048  i32.atomic.rmw.cmpxchg      memarg  addr,i32,i32  i32  atomic  20   .
0xFE0049  i64.atomic.rmw.cmpxchg      memarg  addr,i64,i64  i64  atomic  20   .
0xFE004A  i32.atomic.rmw8.cmpxchg_u   memarg  addr,i32,i32  i32  atomic  20   .
0xFE004B  i32.atomic.rmw16.cmpxchg_u  memarg  addr,i32,i32  i32  atomic  20   .
0xFE004C  i64.atomic.rmw8.cmpxchg_u   memarg  addr,i64,i64  i64  atomic  20   .
0xFE004D  i64.atomic.rmw16.cmpxchg_u  memarg  addr,i64,i64  i64  atomic  20   .
0xFE004E  i64.atomic.rmw32.cmpxchg_u  memarg  addr,i64,i64  i64  atomic  20   .
"""
