package dev.coffey.model.tokenize;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/// Time to tokenize all texts in the built-in model's `expected.json`, one by one. With the class
/// path of the tests: `java --enable-native-access=ALL-UNNAMED org.openjdk.jmh.Main
/// TokenizerBenchmark`.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class TokenizerBenchmark {
  private static final TokenizersLibrary LIBRARY = TokenizersLibrary.LIB;

  private final Tokenizer tokenizer = Fixtures.open("builtin", "tokenizer.json");
  private final List<String> texts =
      Fixtures.list(Fixtures.json("builtin/expected.json")).stream()
          .map(c -> c.get("text").textValue())
          .toList();
  private long handle;

  @Setup
  public void open() throws IOException {
    handle =
        LIBRARY.createTokenizerFromString(
            Files.readString(Fixtures.resource("builtin/tokenizer.json")));
  }

  @TearDown
  public void close() {
    tokenizer.close();
    LIBRARY.deleteTokenizer(handle);
  }

  @Benchmark
  public void encode(Blackhole sink) {
    for (String text : texts) {
      sink.consume(tokenizer.encode(text, null, Truncation.NONE, Integer.MAX_VALUE));
    }
  }

  @Benchmark
  public void tokenizeWithPlaces(Blackhole sink) {
    for (String text : texts) {
      sink.consume(tokenizer.tokenize(text, null, true, Truncation.NONE, Integer.MAX_VALUE));
    }
  }

  /// What DJL's HuggingFaceTokenizer fetches for every text.
  @Benchmark
  public void encodeAllParts(Blackhole sink) {
    for (String text : texts) {
      long encoding = LIBRARY.encode(handle, text, true);
      sink.consume(LIBRARY.getTokenIds(encoding));
      sink.consume(LIBRARY.getTypeIds(encoding));
      sink.consume(LIBRARY.getTokens(encoding));
      sink.consume(LIBRARY.getWordIds(encoding));
      sink.consume(LIBRARY.getSequenceIds(encoding));
      sink.consume(LIBRARY.getAttentionMask(encoding));
      sink.consume(LIBRARY.getSpecialTokenMask(encoding));
      sink.consume(LIBRARY.getTokenCharSpans(encoding));
      sink.consume(LIBRARY.getOverflowCount(encoding));
      LIBRARY.deleteEncoding(encoding);
    }
  }
}
