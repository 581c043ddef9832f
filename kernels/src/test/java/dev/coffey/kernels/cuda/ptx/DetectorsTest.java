package dev.coffey.kernels.cuda.ptx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Each fault that the interpreter finds, planted, and beside it the right kernel, which passes.
class DetectorsTest {
  private static final String SHARED = ".shared .align 16 .b8 buffer[1024];";

  /// `%r10`: the address of the thread's word in shared memory; `%rd12` that in `out`.
  private static final String ADDRESSES =
      """
      mov.u32 %r11, buffer;
      shl.b32 %r12, %r1, 2;
      add.s32 %r10, %r11, %r12;
      mul.wide.u32 %rd11, %r3, 4;
      add.s64 %rd12, %rd2, %rd11;
      add.s64 %rd13, %rd1, %rd11;
      """;

  /// `good` becomes faulty when `part` is replaced.
  record Plant(
      String what,
      int ctas,
      int threads,
      String good,
      String part,
      String replacement,
      Fault.Kind kind) {
    @Override
    public String toString() {
      return what;
    }
  }

  static List<Plant> plants() {
    // Each thread reads the word of another warp's thread.
    String exchange =
        """
        st.shared.u32 [%r10], %r1;
        bar.sync 0;
        xor.b32 %r13, %r12, 128;
        add.s32 %r14, %r11, %r13;
        ld.shared.u32 %r15, [%r14];
        bar.sync 0;
        st.shared.u32 [%r10], %r15;
        st.global.u32 [%rd12], %r15;
        """;
    // Within a warp.
    String neighbours =
        """
        st.shared.u32 [%r10], %r1;
        bar.warp.sync -1;
        xor.b32 %r13, %r12, 4;
        add.s32 %r14, %r11, %r13;
        ld.shared.u32 %r15, [%r14];
        st.global.u32 [%rd12], %r15;
        """;
    String copies =
        """
        shl.b32 %r12, %r1, 4;
        add.s32 %r10, %r11, %r12;
        cvt.u64.u32 %rd14, %r12;
        add.s64 %rd13, %rd1, %rd14;
        cp.async.cg.shared.global [%r10], [%rd13], 16;
        cp.async.commit_group;
        cp.async.cg.shared.global [%r10+512], [%rd13], 16;
        cp.async.commit_group;
        cp.async.wait_group 1;
        ld.shared.u32 %r15, [%r10];
        cp.async.wait_all;
        ld.shared.u32 %r16, [%r10+512];
        add.s32 %r15, %r15, %r16;
        st.global.u32 [%rd12], %r15;
        """;
    String matrix =
        """
        st.shared.u32 [%r10], %r1;
        bar.warp.sync -1;
        and.b32 %r13, %r1, 7;
        shl.b32 %r13, %r13, 4;
        add.s32 %r14, %r11, %r13;
        ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r15}, [%r14];
        st.global.u32 [%rd12], %r15;
        """;
    String branch =
        """
        setp.lt.u32 %p10, %r1, 16;
        mov.u32 %r15, %r1;
        @%p10 bra L1;
        add.s32 %r15, %r15, 1;
        L1:
        shfl.sync.bfly.b32 %r16, %r15, 1, 31, -1;
        st.global.u32 [%rd12], %r16;
        """;
    String sums =
        """
        mov.u32 %r15, 0;
        mov.f32 %f10, 0f00000000;
        mov.f32 %f11, %f10;
        mov.f32 %f12, %f10;
        mov.f32 %f13, %f10;
        setp.lt.u32 %p10, %r1, 32;
        @%p10 mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%f10,%f11,%f12,%f13}, {%r15,%r15}, {%r15}, {%f10,%f11,%f12,%f13};
        st.global.f32 [%rd12], %f10;
        """;
    String store =
        """
        ld.global.u32 %r15, [%rd13];
        st.global.u32 [%rd12], %r15;
        """;
    return List.of(
        new Plant(
            "barrier before the read dropped",
            1,
            64,
            exchange,
            "bar.sync 0;\nxor",
            "xor",
            Fault.Kind.UNINITIALISED),
        new Plant(
            "barrier before the next write dropped",
            1,
            64,
            exchange,
            "bar.sync 0;\nst.shared",
            "st.shared",
            Fault.Kind.RACE),
        new Plant(
            "two warps write one word",
            1,
            64,
            exchange,
            "st.shared.u32 [%r10], %r1",
            "st.shared.u32 [%r11], %r1",
            Fault.Kind.RACE),
        new Plant(
            "word that nobody wrote",
            1,
            64,
            exchange,
            "xor.b32 %r13, %r12, 128",
            "add.s32 %r13, %r12, 512",
            Fault.Kind.UNINITIALISED),
        new Plant(
            "shared memory left",
            1,
            64,
            exchange,
            "xor.b32 %r13, %r12, 128",
            "add.s32 %r13, %r12, 1024",
            Fault.Kind.OUT_OF_BOUNDS),
        new Plant(
            "misaligned in shared memory",
            1,
            64,
            exchange,
            "[%r14]",
            "[%r14+2]",
            Fault.Kind.MISALIGNED),
        new Plant(
            "barrier before the read of another warp's word dropped",
            1,
            64,
            exchange.replace("xor.b32 %r13, %r12, 128", "and.b32 %r13, %r12, 124"),
            "bar.sync 0;\nand",
            "and",
            Fault.Kind.RACE),
        new Plant(
            "one warp waits at a barrier and the other ends",
            1,
            64,
            store,
            "st.global",
            "setp.lt.u32 %p10, %r1, 32; @%p10 bar.sync 0; st.global",
            Fault.Kind.DIVERGED),
        new Plant(
            "half a warp leaves out the barrier",
            1,
            64,
            exchange,
            "bar.sync 0;\nxor",
            "setp.lt.u32 %p10, %r2, 16; @%p10 bar.sync 0;\nxor",
            Fault.Kind.DIVERGED),
        new Plant(
            "the warps wait at different barriers",
            1,
            64,
            exchange,
            "bar.sync 0;\nxor",
            "setp.lt.u32 %p10, %r1, 32; @%p10 bra A; bar.sync 0; bra B; A: bar.sync 0; B:\nxor",
            Fault.Kind.DIVERGED),
        new Plant(
            "lanes not synchronised", 1, 32, neighbours, "bar.warp.sync -1;", "", Fault.Kind.RACE),
        new Plant(
            "wait for too few copies",
            1,
            32,
            copies,
            "wait_group 1",
            "wait_group 2",
            Fault.Kind.NOT_WAITED),
        new Plant("wait left out", 1, 32, copies, "cp.async.wait_all;", "", Fault.Kind.NOT_WAITED),
        new Plant(
            "commit left out",
            1,
            32,
            copies,
            "cp.async.commit_group;\ncp.async.wait",
            "cp.async.wait",
            Fault.Kind.NOT_WAITED),
        new Plant(
            "buffer reused while it is filled",
            1,
            32,
            copies,
            "[%r10+512], [%rd13]",
            "[%r10], [%rd13]",
            Fault.Kind.NOT_WAITED),
        new Plant(
            "copy from outside",
            1,
            32,
            copies,
            "add.s64 %rd13, %rd1, %rd14",
            "add.s64 %rd13, %rd1, 4096",
            Fault.Kind.OUT_OF_BOUNDS),
        new Plant(
            "misaligned copy",
            1,
            32,
            copies,
            "[%rd13], 16;\ncp.async.commit_group;\ncp.async.wait",
            "[%rd13+8], 16;\ncp.async.commit_group;\ncp.async.wait",
            Fault.Kind.MISALIGNED),
        new Plant(
            "matrix read before the other lanes' writes",
            1,
            32,
            matrix,
            "bar.warp.sync -1;",
            "",
            Fault.Kind.RACE),
        new Plant(
            "half a warp loads a matrix",
            1,
            32,
            matrix,
            "ldmatrix",
            "setp.lt.u32 %p10, %r1, 16; @%p10 ldmatrix",
            Fault.Kind.DIVERGED),
        new Plant(
            "misaligned row of a matrix",
            1,
            32,
            matrix,
            "[%r14];",
            "[%r14+8];",
            Fault.Kind.MISALIGNED),
        new Plant(
            "shuffle in a branch",
            1,
            32,
            branch,
            "shfl.sync.bfly.b32 %r16",
            "@%p10 shfl.sync.bfly.b32 %r16",
            Fault.Kind.DIVERGED),
        new Plant("half a warp multiplies", 1, 32, sums, "%r1, 32", "%r1, 16", Fault.Kind.DIVERGED),
        new Plant(
            "written beyond the end",
            1,
            64,
            store,
            "[%rd12]",
            "[%rd12+3900]",
            Fault.Kind.OUT_OF_BOUNDS),
        new Plant(
            "read before the beginning",
            1,
            64,
            store,
            "[%rd13]",
            "[%rd13+-4]",
            Fault.Kind.OUT_OF_BOUNDS),
        new Plant(
            "misaligned in global memory",
            1,
            64,
            store,
            "ld.global.u32 %r15, [%rd13]",
            "ld.global.v2.u32 {%r15,%r16}, [%rd13]",
            Fault.Kind.MISALIGNED),
        new Plant("null pointer", 1, 32, store, "[%rd13]", "[8]", Fault.Kind.OUT_OF_BOUNDS),
        new Plant("two CTAs write one word", 2, 32, store, "[%rd12]", "[%rd2]", Fault.Kind.RACE),
        new Plant("two threads write one word", 1, 32, store, "[%rd12]", "[%rd2]", Fault.Kind.RACE),
        new Plant(
            "one CTA reads what another writes",
            4,
            32,
            store,
            "ld.global.u32 %r15, [%rd13];",
            "shl.b32 %r16, %r1, 2; cvt.u64.u32 %rd15, %r16; add.s64 %rd16, %rd2, %rd15; ld.global.u32 %r15, [%rd16];",
            Fault.Kind.RACE),
        new Plant("trap", 1, 32, store, "st.global", "trap; st.global", Fault.Kind.UNSUPPORTED));
  }

  // Breaks if a detector is blind, or sees what isn't there.
  @ParameterizedTest
  @MethodSource("plants")
  void kernel_withPlantedFault_isRefusedAndItsTwinIsNot(Plant plant) {
    assertThat(plant.good()).contains(plant.part());
    new TestKernel(SHARED, ADDRESSES + plant.good())
        .grid(plant.ctas(), plant.threads())
        .run(new int[1000], 1000);
    TestKernel bad =
        new TestKernel(SHARED, ADDRESSES + plant.good().replace(plant.part(), plant.replacement()))
            .grid(plant.ctas(), plant.threads());
    assertThatThrownBy(() -> bad.run(new int[1000], 1000))
        .isInstanceOfSatisfying(
            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(plant.kind()))
        .hasMessageContaining("kernel test, CTA (")
        .hasMessageContaining("lane ")
        .hasMessageContaining("PTX line ")
        .hasMessageContaining("(test.cu:7)");
  }

  // Breaks if freed memory stays readable.
  @Test
  void launch_freedInput_isUseAfterFree() {
    DeviceMemory memory = new DeviceMemory(true);
    long in = memory.allocate(128);
    long out = memory.allocate(128);
    memory.fill(in, (byte) 0, 128);
    memory.free(in);
    TestKernel kernel = new TestKernel("ld.global.u32 %r10, [%rd1]; st.global.u32 [%rd2], %r10;");
    assertThatThrownBy(() -> kernel.grid(1, 1).run(memory, in, out))
        .hasMessageStartingWith("USE_AFTER_FREE: kernel test");
    assertThatThrownBy(() -> memory.free(in)).hasMessageStartingWith("USE_AFTER_FREE");
  }

  // Breaks if memory that the host never wrote may be read, by a kernel or by the host.
  @Test
  void launch_inputNeverWritten_isUninitialised() {
    DeviceMemory memory = new DeviceMemory(true);
    long in = memory.allocate(128);
    long out = memory.allocate(128);
    TestKernel kernel = new TestKernel("ld.global.u32 %r10, [%rd1]; st.global.u32 [%rd2], %r10;");
    assertThatThrownBy(() -> kernel.grid(1, 1).run(memory, in, out))
        .hasMessageStartingWith("UNINITIALISED: kernel test");
    assertThatThrownBy(() -> memory.copyOut(out, MemorySegment.ofArray(new int[1])))
        .hasMessageStartingWith("UNINITIALISED: the host copies byte 0");
  }

  // Breaks if a launch takes what the kernel was not made for.
  @Test
  void launch_wrongShape_isRefused() {
    DeviceMemory memory = new DeviceMemory(true);
    Machine machine = new Machine(memory, 1024);
    Kernel kernel =
        PtxModule.load(
                """
                .version 7.0
                .target sm_80
                .entry k(.param .u32 n)
                .maxntid 128, 1, 1
                { ret; }
                """)
            .kernel("k");
    machine.launch(kernel, 1, 1, 1, 128, 1024, new byte[4]);
    assertThatThrownBy(() -> machine.launch(kernel, 1, 1, 1, 129, 0, new byte[4]))
        .hasMessage("LAUNCH: kernel k: 129 threads, at most 128");
    assertThatThrownBy(() -> machine.launch(kernel, 1, 1, 1, 1, 1025, new byte[4]))
        .hasMessageContaining("0 bytes of static and 1025 of dynamic shared memory");
    assertThatThrownBy(() -> machine.launch(kernel, 1, 1, 1, 1, 0, new byte[8]))
        .hasMessage("LAUNCH: kernel k: 8 bytes of arguments, 4 of parameters");
    assertThatThrownBy(() -> machine.launch(kernel, 0, 1, 1, 1, 0, new byte[4]))
        .hasMessageContaining("grid (0, 1, 1)");
  }
}
