package dev.coffey.kernels.cuda.ptx;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// Runs a few lines of PTX as the body of a kernel.
///
/// The body finds: `%rd1` and `%rd2`, the addresses of `in` and `out`; `%r1` the thread's number in
/// its CTA, `%r2` its lane, `%r3` its number in the grid; and registers `%p`, `%h`, `%r`, `%f`,
/// `%rd`, `%fd` from 10 to 39 for itself.
final class TestKernel {
  private static final int SHARED_BYTES = 64 << 10;

  private final String declarations;
  private final String body;
  private int ctas = 1;
  private int threads = 32;
  private int dynamicShared;

  /// @param declarations what stands outside of the kernel: shared variables
  TestKernel(String declarations, String body) {
    this.declarations = declarations;
    this.body = body;
  }

  TestKernel(String body) {
    this("", body);
  }

  TestKernel grid(int ctas, int threads) {
    this.ctas = ctas;
    this.threads = threads;
    return this;
  }

  TestKernel dynamicShared(int bytes) {
    this.dynamicShared = bytes;
    return this;
  }

  String text() {
    return """
    .version 7.0
    .target sm_80
    .address_size 64
    .file 1 "test.cu"
    %s
    .visible .entry test(.param .u64 test_in, .param .u64 test_out)
    {
      .reg .pred %%p<40>;
      .reg .b16 %%h<40>;
      .reg .b32 %%r<40>;
      .reg .f32 %%f<40>;
      .reg .b64 %%rd<40>;
      .reg .f64 %%fd<40>;
      ld.param.u64 %%rd1, [test_in];
      ld.param.u64 %%rd2, [test_out];
      mov.u32 %%r1, %%tid.x;
      mov.u32 %%r2, %%laneid;
      mov.u32 %%r4, %%ctaid.x;
      mov.u32 %%r5, %%ntid.x;
      mad.lo.s32 %%r3, %%r4, %%r5, %%r1;
      .loc 1 7 3
      %s
      ret;
    }
    """
        .formatted(declarations, body);
  }

  /// Runs with `in`, and returns what was written to `out`, which has room for `results` words.
  int[] run(int[] in, int results) {
    DeviceMemory memory = new DeviceMemory(true);
    long input = memory.allocate(Math.max(1, in.length) * 4L);
    long output = memory.allocate(results * 4L);
    memory.copyIn(MemorySegment.ofArray(in), input);
    memory.fill(output, (byte) 0, results * 4L);
    run(memory, input, output);
    int[] out = new int[results];
    memory.copyOut(output, MemorySegment.ofArray(out));
    return out;
  }

  /// Runs with these addresses.
  Machine run(DeviceMemory memory, long in, long out) {
    Machine machine = new Machine(memory, SHARED_BYTES);
    byte[] arguments =
        ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(in).putLong(out).array();
    Kernel kernel = PtxModule.load(text()).kernel("test");
    machine.launch(kernel, ctas, 1, 1, threads, dynamicShared, arguments);
    return machine;
  }
}
