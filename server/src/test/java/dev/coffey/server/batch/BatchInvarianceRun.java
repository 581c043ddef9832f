package dev.coffey.server.batch;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.KernelsSelector;
import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.model.TextModel;
import dev.coffey.model.checkpoint.ModelFolder;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.IntStream;

/// The process that [BatchInvarianceTest] starts: 60 texts of 1 token and more through a batcher,
/// first alone on cold code, then together, shuffled, racing each other, and alone again on
/// compiled code. Stops at the first bit that differs; prints a digest of all results.
///
/// Arguments: backend, model folder, threads, longest text, tokens a batch.
final class BatchInvarianceRun {
  private static final int TEXTS = 60;
  private static final List<Readout> HEAD = List.of(new Readout.Head());
  private static final List<Readout> HEAD_AND_HIDDEN =
      List.of(new Readout.Head(), new Readout.Hidden());

  private final Batcher batcher;
  private final ModelQueue queue;

  private BatchInvarianceRun(Batcher batcher, ModelQueue queue) {
    this.batcher = batcher;
    this.queue = queue;
  }

  public static void main(String[] args) throws Exception {
    KernelsProvider provider = KernelsSelector.select(args[0], KernelsProvider.all()).provider();
    KernelsOptions options = new KernelsOptions(Integer.parseInt(args[2]));
    int longest = Integer.parseInt(args[3]);
    int batchTokens = Integer.parseInt(args[4]);
    try (Batcher batcher =
        Batcher.start(
            BatchConfig.DEFAULT, ForkJoinPool.commonPool(), Ticker.SYSTEM, BatchListener.NONE)) {
      Kernels kernels = batcher.onDevice(() -> provider.open(options)).get();
      TextModel model = batcher.onDevice(() -> load(Path.of(args[1]), kernels)).get();
      WarmUp warmUp = new WarmUp(batchTokens, BatchCost.measured(1, 1000));
      new BatchInvarianceRun(batcher, batcher.register("model", model, warmUp))
          .compareAllWays(texts(model.config().vocabSize(), longest));
    }
  }

  private static TextModel load(Path path, Kernels kernels) {
    try (ModelFolder folder = ModelFolder.open(path)) {
      return TextModel.load(folder, kernels);
    }
  }

  private void compareAllWays(List<TextInput> texts) throws Exception {
    List<List<Matrix>> alone = oneByOne(texts);
    compare("together", alone, submit(texts).get(), inOrder());
    Random random = new Random(7);
    for (int round = 0; round < 3; round++) {
      List<Integer> order = new ArrayList<>(inOrder());
      Collections.shuffle(order, random);
      List<TextInput> shuffled = order.stream().map(texts::get).toList();
      compare("shuffled", alone, submit(shuffled).get(), order);
      compare("racing", alone, racing(shuffled), order);
    }
    List<TextInput> headOnly = texts.stream().map(text -> text(text.ids(), HEAD)).toList();
    compare("head only", alone, submit(headOnly).get(), inOrder());
    compare("alone on compiled code", alone, oneByOne(texts), inOrder());
    System.out.println("digest " + digest(alone));
  }

  private List<List<Matrix>> oneByOne(List<TextInput> texts) throws Exception {
    List<List<Matrix>> results = new ArrayList<>();
    for (TextInput text : texts) {
      results.add(submit(List.of(text)).get().getFirst());
    }
    return results;
  }

  private List<List<Matrix>> racing(List<TextInput> texts) throws Exception {
    List<CompletableFuture<List<List<Matrix>>>> running = new ArrayList<>();
    for (TextInput text : texts) {
      running.add(submit(List.of(text)));
    }
    List<List<Matrix>> results = new ArrayList<>();
    for (CompletableFuture<List<List<Matrix>>> one : running) {
      results.add(one.get().getFirst());
    }
    return results;
  }

  private CompletableFuture<List<List<Matrix>>> submit(List<TextInput> texts) {
    return batcher
        .submit(queue, texts, Priority.NORMAL, Ticker.NO_DEADLINE)
        .result()
        .thenApply(BatchResult::outputs);
  }

  /// Compares every readout of `found`, whose i-th text is the `order[i]`-th of `alone`.
  private static void compare(
      String way, List<List<Matrix>> alone, List<List<Matrix>> found, List<Integer> order) {
    for (int i = 0; i < found.size(); i++) {
      for (int r = 0; r < found.get(i).size(); r++) {
        float[] expected = alone.get(order.get(i)).get(r).values();
        int at = Arrays.mismatch(expected, found.get(i).get(r).values());
        if (at >= 0) {
          throw new IllegalStateException(
              "%s: text %d, readout %d, number %d differs from the text alone"
                  .formatted(way, order.get(i), r, at));
        }
      }
    }
    System.out.println(way + ": same bits");
  }

  private static List<Integer> inOrder() {
    return IntStream.range(0, TEXTS).boxed().toList();
  }

  /// Lengths from 1 to `longest` in even steps, in random order.
  private static List<TextInput> texts(int vocabulary, int longest) {
    Random random = new Random(42);
    List<TextInput> texts = new ArrayList<>();
    for (int t = 0; t < TEXTS; t++) {
      int length = 1 + t * (longest - 1) / (TEXTS - 1);
      texts.add(text(random.ints(length, 0, vocabulary).toArray(), HEAD_AND_HIDDEN));
    }
    Collections.shuffle(texts, random);
    return texts;
  }

  private static TextInput text(int[] ids, List<Readout> readouts) {
    return new TextInput(
        ids, new int[ids.length], IntStream.range(0, ids.length).toArray(), readouts);
  }

  private static String digest(List<List<Matrix>> results) throws NoSuchAlgorithmException {
    MessageDigest sha = MessageDigest.getInstance("SHA-256");
    for (List<Matrix> matrices : results) {
      for (Matrix matrix : matrices) {
        ByteBuffer bytes = ByteBuffer.allocate(matrix.values().length * Float.BYTES);
        bytes.asFloatBuffer().put(matrix.values());
        sha.update(bytes);
      }
    }
    return HexFormat.of().formatHex(sha.digest());
  }
}
