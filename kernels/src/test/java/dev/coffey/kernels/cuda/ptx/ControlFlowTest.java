package dev.coffey.kernels.cuda.ptx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Branches, loops, and what lanes give each other.
class ControlFlowTest {
  private static final int LANES = 32;

  /// Runs `body`, which computes `%r20` for each thread, in 2 CTAs of 48 threads.
  private static void check(String body, IntUnaryOperator expectedOfThread) {
    int[] out =
        new TestKernel(
                body
                    + """

                    mul.wide.u32 %rd10, %r3, 4;
                    add.s64 %rd11, %rd2, %rd10;
                    st.global.u32 [%rd11], %r20;
                    """)
            .grid(2, 48)
            .run(new int[1], 96);
    assertThat(out).isEqualTo(IntStream.range(0, 96).map(expectedOfThread).toArray());
  }

  // Breaks if lanes that part don't come together again, or a lane takes another's way.
  @Test
  void branch_lanesPart_eachGoesItsWay() {
    check(
        """
        and.b32 %r10, %r1, 1;
        setp.eq.u32 %p10, %r10, 0;
        setp.lt.u32 %p11, %r1, 10;
        mov.u32 %r20, 0;
        @%p10 bra EVEN;
        add.s32 %r20, %r20, 1;
        @%p11 bra SMALL;
        add.s32 %r20, %r20, 10;
        bra END;
        SMALL:
        add.s32 %r20, %r20, 100;
        bra END;
        EVEN:
        add.s32 %r20, %r20, 1000;
        END:
        activemask.b32 %r11;
        popc.b32 %r11, %r11;
        mad.lo.s32 %r20, %r11, 10000, %r20;
        """,
        t -> {
          int thread = t % 48;
          int together = thread < LANES ? 32 : 16;
          return 10000 * together + (thread % 2 == 0 ? 1000 : thread < 10 ? 101 : 11);
        });
  }

  // Breaks if a loop's lanes leave with the first, or wait for nobody.
  @Test
  void loop_lanesLeaveOneByOne_eachCountsItsOwn() {
    check(
        """
        mov.u32 %r20, 0;
        mov.u32 %r10, 0;
        LOOP:
        add.s32 %r20, %r20, %r10;
        add.s32 %r10, %r10, 1;
        setp.le.u32 %p10, %r10, %r1;
        @%p10 bra LOOP;
        """,
        t -> (t % 48) * (t % 48 + 1) / 2);
  }

  // Breaks if an ended lane comes back, or takes the others with it.
  @Test
  void exit_someLanes_othersGoOn() {
    int[] out =
        new TestKernel(
                """
                setp.lt.u32 %p10, %r1, 20;
                @%p10 exit;
                mul.wide.u32 %rd10, %r3, 4;
                add.s64 %rd11, %rd2, %rd10;
                st.global.u32 [%rd11], 7;
                """)
            .run(new int[1], LANES);
    assertThat(out).isEqualTo(IntStream.range(0, LANES).map(i -> i < 20 ? 0 : 7).toArray());
  }

  // Breaks if a table's label is another, or a number beyond it goes somewhere.
  @Test
  void indexedBranch_eachLaneItsLabel() {
    String body =
        """
        rem.u32 %r10, %r1, 3;
        TABLE: .branchtargets A, B, C;
        brx.idx %r10, TABLE;
        A: mov.u32 %r20, 5;
        bra END;
        B: mov.u32 %r20, 6;
        bra END;
        C: mov.u32 %r20, 7;
        END:
        """;
    check(body, t -> 5 + t % 48 % 3);
    assertThatThrownBy(() -> check(body.replace("%r1, 3", "%r1, 4"), _ -> 0))
        .hasMessageStartingWith("OUT_OF_BOUNDS")
        .hasMessageContaining("branch 3 of 3");
  }

  // Breaks if a mode, the clamp or the segments of a shuffle are read wrongly.
  @Test
  void shuffle_eachMode_readsTheRightLane() {
    checkShuffle("bfly.b32 %r20, %r2, 5, 31", lane -> lane ^ 5);
    checkShuffle("up.b32 %r20, %r2, 3, 0", lane -> lane < 3 ? lane : lane - 3);
    checkShuffle("down.b32 %r20, %r2, 3, 31", lane -> lane > 28 ? lane : lane + 3);
    checkShuffle("idx.b32 %r20, %r2, 9, 31", _ -> 9);
    // Segments of eight lanes: the mask 0b11000 above the clamp.
    checkShuffle("idx.b32 %r20, %r2, 9, 0x181F", lane -> (lane & 24) + 1);
    checkShuffle("down.b32 %r20, %r2, 3, 0x1807", lane -> (lane & 7) > 4 ? lane : lane + 3);
  }

  private static void checkShuffle(String shuffle, IntUnaryOperator from) {
    int[] out =
        new TestKernel(
                "shfl.sync."
                    + shuffle
                    + """
                    , -1;
                    mul.wide.u32 %rd10, %r3, 4;
                    add.s64 %rd11, %rd2, %rd10;
                    st.global.u32 [%rd11], %r20;
                    """)
            .run(new int[1], LANES);
    assertThat(out).as(shuffle).isEqualTo(IntStream.range(0, LANES).map(from).toArray());
  }

  // Breaks if a vote counts lanes that don't vote, or a ballot's bits are those of other lanes.
  @Test
  void vote_someLanesAgree_ballotHasTheirBits() {
    int[] out =
        new TestKernel(
                """
                setp.lt.u32 %p10, %r1, 7;
                vote.sync.ballot.b32 %r10, %p10, -1;
                vote.sync.all.pred %p11, %p10, -1;
                vote.sync.any.pred %p12, %p10, -1;
                selp.u32 %r11, 1, 0, %p11;
                selp.u32 %r12, 1, 0, %p12;
                redux.sync.add.s32 %r13, %r1, -1;
                setp.eq.u32 %p13, %r1, 0;
                @%p13 st.global.v4.u32 [%rd2], {%r10,%r11,%r12,%r13};
                """)
            .run(new int[1], 4);
    assertThat(out).containsExactly(127, 0, 1, 31 * 32 / 2);
  }

  // Breaks if shared memory is one for all CTAs, or the dynamic one lies on the static one.
  @Test
  void sharedMemory_staticAndDynamic_lieApart() {
    int[] out =
        new TestKernel(
                """
                .extern .shared .align 16 .b8 dynamic[];
                .shared .align 4 .b8 fixed[132];
                """,
                """
                mov.u32 %r10, fixed;
                mov.u32 %r11, dynamic;
                sub.s32 %r12, %r11, %r10;
                shl.b32 %r13, %r1, 2;
                add.s32 %r10, %r10, %r13;
                add.s32 %r11, %r11, %r13;
                st.shared.u32 [%r10], %r1;
                st.shared.u32 [%r11], %r12;
                ld.shared.u32 %r14, [%r10];
                ld.shared.u32 %r15, [%r11];
                add.s32 %r20, %r14, %r15;
                mul.wide.u32 %rd10, %r3, 4;
                add.s64 %rd11, %rd2, %rd10;
                st.global.u32 [%rd11], %r20;
                """)
            .grid(1, 33)
            .dynamicShared(132)
            .run(new int[1], 33);
    assertThat(out).isEqualTo(IntStream.range(0, 33).map(i -> i + 144).toArray());
  }

  // Breaks if a thread sees another's local memory, or a constant table is read wrongly.
  @Test
  void localAndConstantMemory_eachThreadItsOwn() {
    int[] out =
        new TestKernel(
                ".const .align 4 .u32 table[3] = {11, 22, 33};",
                """
                .local .align 8 .b8 depot[16];
                mov.u64 %rd10, depot;
                st.local.u32 [%rd10+4], %r1;
                rem.u32 %r10, %r1, 3;
                mul.wide.u32 %rd11, %r10, 4;
                mov.u64 %rd12, table;
                add.s64 %rd12, %rd12, %rd11;
                ld.const.u32 %r11, [%rd12];
                ld.local.u32 %r12, [%rd10+4];
                add.s32 %r20, %r11, %r12;
                mul.wide.u32 %rd10, %r3, 4;
                add.s64 %rd11, %rd2, %rd10;
                st.global.u32 [%rd11], %r20;
                """)
            .run(new int[1], LANES);
    assertThat(out).isEqualTo(IntStream.range(0, LANES).map(i -> i + 11 * (1 + i % 3)).toArray());
  }

  // Breaks if an atomic addition loses one of another CTA, or gives back the wrong number.
  @Test
  void atomics_fromManyCtas_loseNothing() {
    int[] out =
        new TestKernel(
                """
                red.global.add.u32 [%rd2], 3;
                atom.global.max.s32 %r10, [%rd2+4], %r3;
                atom.global.cas.b32 %r11, [%rd2+8], 0, 5;
                setp.eq.u32 %p10, %r11, 0;
                @%p10 red.global.add.u32 [%rd2+12], 1;
                """)
            .grid(50, 64)
            .run(new int[1], 4);
    assertThat(out).containsExactly(3 * 50 * 64, 50 * 64 - 1, 5, 1);
  }

  // Breaks if what isn't known is skipped or guessed.
  @Test
  void load_unknownText_isRefusedByLine() {
    assertThatThrownBy(() -> new TestKernel("foo.b32 %r10, %r11;").run(new int[1], 1))
        .hasMessageMatching("UNSUPPORTED: .*PTX line 22 \\(test.cu:7\\): foo.b32 %r10, %r11");
    assertThatThrownBy(() -> new TestKernel("add.s32 %r10, %r99, 1;").run(new int[1], 1))
        .hasMessageStartingWith("UNSUPPORTED");
    assertThatThrownBy(() -> new TestKernel("bra NOWHERE;").run(new int[1], 1))
        .hasMessageContaining("no label NOWHERE");
    assertThatThrownBy(() -> new TestKernel("ld.global.u32 %r10, [%rd1").run(new int[1], 1))
        .hasMessageStartingWith("SYNTAX: expected ]");
    assertThatThrownBy(() -> new TestKernel("ld.param.u64 %rd10, [test_in+4];").run(new int[1], 1))
        .hasMessageContaining("no such parameter");
  }
}
