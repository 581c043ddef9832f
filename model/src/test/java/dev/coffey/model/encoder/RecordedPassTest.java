package dev.coffey.model.encoder;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.Recorder;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.kernels.cpu.ScalarProvider;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class RecordedPassTest {
  private static final int MAX_TOKENS = 200;

  // Breaks if a batch could be larger than its record, or a size is left out or doubled.
  @Test
  void bucket_anyTokens_isTheNextSizeUp() {
    assertThat(
            List.of(1, 16, 17, 24, 25, 33, 64, 65, 96, 97, 8192, 8193).stream()
                .map(RecordedPass::bucket))
        .containsExactly(16, 16, 24, 24, 32, 48, 64, 96, 96, 128, 8192, 12288);
  }

  // Breaks if two row counts of a record are equal, so that a kernel would read the wrong one, or
  // one is below its batch's.
  @Test
  void run_anyBatch_boundsEachCountByANumberOfItsOwn() {
    for (int maxTexts : new int[] {1, 2, 15, 16, 17, 94, 95, 96, 97, 200, 256}) {
      FakeRecorder recorder = new FakeRecorder();
      try (Kernels kernels = recording(recorder);
          TensorArena arena = kernels.arena()) {
        RaggedBatch batch = new RaggedBatch(kernels, arena, MAX_TOKENS, maxTexts);
        RecordedPass pass =
            RecordedPass.plan(RecordedPassTest::encoder, kernels, arena, MAX_TOKENS, maxTexts);
        pass.prepare(batch, MAX_TOKENS);
        int prepared = recorder.keys.size();
        for (int tokens = 1; tokens <= MAX_TOKENS; tokens += 7) {
          for (int texts = 1; texts <= Math.min(tokens, maxTexts); texts += 5) {
            for (int selected : new int[] {texts, (texts + tokens) / 2, tokens}) {
              fill(batch, tokens, texts, selected);
              assertThat(pass.run(batch, LayerListener.NONE).rows()).isEqualTo(selected);
              recorder.check(batch);
            }
          }
        }
        assertThat(recorder.keys).as("records made while serving").hasSize(prepared);
      }
    }
  }

  /// `texts` texts of one token but for the last, and the first rows of it wanted.
  private static void fill(RaggedBatch batch, int tokens, int texts, int selected) {
    int[] offsets = new int[texts + 1];
    int[] selectedOffsets = new int[texts + 1];
    int[] rows = new int[selected];
    for (int i = 0; i < selected; i++) {
      rows[i] = i;
    }
    for (int t = 0; t < texts; t++) {
      offsets[t] = t;
      selectedOffsets[t] = t;
    }
    offsets[texts] = tokens;
    selectedOffsets[texts] = selected;
    int[] zeros = new int[tokens];
    batch.fill(zeros, zeros, zeros, offsets, rows, selectedOffsets, texts);
  }

  private static Kernels recording(Recorder recorder) {
    Kernels scalar = new ScalarProvider().open(new KernelsOptions(1));
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (_, method, arguments) ->
                method.getName().equals("recorder") ? recorder : method.invoke(scalar, arguments));
  }

  /// Runs nothing on the device; keeps what it was asked.
  private static final class FakeRecorder implements Recorder {
    private final Set<Object> keys = new HashSet<>();
    private List<Bound> bounds = new ArrayList<>();

    @Override
    public boolean records() {
      return true;
    }

    @Override
    public <T> T run(Object key, List<Bound> bounds, Supplier<T> work) {
      this.bounds = bounds;
      return prepare(key, bounds, work).orElseThrow();
    }

    @Override
    public <T> Optional<T> prepare(Object key, List<Bound> bounds, Supplier<T> work) {
      keys.add(key);
      assertThat(bounds.stream().map(Bound::most)).doesNotHaveDuplicates();
      return Optional.of(work.get());
    }

    void check(RaggedBatch batch) {
      for (Bound bound : bounds) {
        int number =
            bound.count().equals(batch.tokenCount())
                ? batch.tokens()
                : bound.count().equals(batch.textCount()) ? batch.texts() : batch.selected();
        assertThat(bound.most()).isGreaterThanOrEqualTo(number);
      }
    }

    @Override
    public void close() {}
  }

  /// An encoder that computes nothing, and looks at the batch that it is given.
  private static ForwardPass encoder(TensorArena arena, int maxTokens) {
    Tensor states = arena.tensor(maxTokens, 4);
    return (batch, _) -> {
      assertThat(batch.ids().length()).isEqualTo(batch.tokens());
      assertThat(batch.offsets().length()).isEqualTo(batch.texts() + 1);
      assertThat(batch.selectedRows().length()).isEqualTo(batch.selected());
      // The selected rows are some of all, and each text has one of them.
      Tensor all = states.rows(0, batch.tokens());
      Tensor selected = all.rows(0, batch.selected());
      assertThat(selected.rows(0, batch.texts()).rows()).isEqualTo(batch.texts());
      return selected;
    };
  }
}
