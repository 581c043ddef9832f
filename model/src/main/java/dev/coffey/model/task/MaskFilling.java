package dev.coffey.model.task;

import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.ScoreFunction;
import dev.coffey.model.TextInput;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.SpecialToken;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.Truncation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/// What may stand behind the masks of a text, as Hugging Face's fill-mask pipeline answers. For
/// models with a masked-LM head. Any thread.
///
/// ```java
/// MaskFilling filling = new MaskFilling(tokenizer, maxTokens);
/// List<List<MaskCandidate>> masks =
///     filling.prepare("The [MASK] sat on the mat.", Truncation.NONE, 5, List.of()).run(model);
/// ```
public final class MaskFilling {
  /// What Hugging Face returns if not told.
  public static final int DEFAULT_TOP_K = 5;

  private final Tokenizer tokenizer;
  private final int maxTokens;

  /// @param maxTokens the longest text that the model reads, specials included
  public MaskFilling(Tokenizer tokenizer, int maxTokens) {
    this.tokenizer = tokenizer;
    this.maxTokens = maxTokens;
  }

  /// Candidates for each mask of `text`, in its order, each list best first.
  ///
  /// Each mask is filled on its own: where there are several, the sentence of a candidate shows the
  /// others as they were, and its special tokens too.
  ///
  /// @param topK how many candidates a mask; 0 for [#DEFAULT_TOP_K]. With targets at most as many
  ///   as there are
  /// @param targets the tokens to score; empty for the whole vocabulary. One that is no token is
  ///   split and its first piece is taken, as Hugging Face does; one given twice counts once
  /// @throws IllegalArgumentException if there is no mask, or a target is empty
  /// @throws dev.coffey.model.tokenize.TooLongException if the text is too long and may not be cut
  public PreparedTask<List<List<MaskCandidate>>> prepare(
      String text, Truncation truncation, int topK, List<String> targets) {
    TopK.check(topK);
    int mask = maskId();
    int[] targetIds = targetIds(targets);
    Encoding encoding = tokenizer.encode(text, null, truncation, maxTokens);
    List<Integer> masks =
        IntStream.range(0, encoding.tokens())
            .filter(i -> encoding.ids()[i] == mask)
            .boxed()
            .toList();
    if (masks.isEmpty()) {
      throw new IllegalArgumentException(
          "no mask token in the text%s; write %s where a token is to be found"
              .formatted(encoding.cut() > 0 ? " that truncation left" : "", tokenizer.piece(mask)));
    }
    int count = topK == 0 ? DEFAULT_TOP_K : topK;
    return new PreparedTask<>(
        List.of(TextInput.of(encoding, List.of(new Readout.HeadAt(masks)))),
        encoding.cut(),
        outputs ->
            candidates(encoding.ids(), masks, outputs.getFirst().getFirst(), count, targetIds));
  }

  private List<List<MaskCandidate>> candidates(
      int[] ids, List<Integer> masks, Matrix logits, int count, int[] targets) {
    List<List<MaskCandidate>> filled = new ArrayList<>(masks.size());
    for (int m = 0; m < masks.size(); m++) {
      double[] scores = Classification.scores(logits.row(m), ScoreFunction.SOFTMAX);
      double[] wanted =
          targets.length == 0
              ? scores
              : Arrays.stream(targets).mapToDouble(t -> scores[t]).toArray();
      List<MaskCandidate> candidates = new ArrayList<>(count);
      for (int place : TopK.of(wanted, count)) {
        int id = targets.length == 0 ? place : targets[place];
        candidates.add(
            new MaskCandidate(
                id,
                tokenizer.decode(new int[] {id}, false),
                (float) wanted[place],
                sentence(ids, masks.get(m), id, masks.size() == 1)));
      }
      filled.add(List.copyOf(candidates));
    }
    return List.copyOf(filled);
  }

  /// The text with `id` at `place`. Padding is never shown, not even where it is the candidate.
  private String sentence(int[] ids, int place, int id, boolean skipSpecials) {
    int[] filled = ids.clone();
    filled[place] = id;
    OptionalInt padding = tokenizer.id(SpecialToken.PADDING);
    IntPredicate shown = token -> padding.isEmpty() || token != padding.getAsInt();
    return tokenizer.decode(Arrays.stream(filled).filter(shown).toArray(), skipSpecials);
  }

  private int maskId() {
    return tokenizer
        .id(SpecialToken.MASK)
        .orElseThrow(() ->
            new IllegalArgumentException("the model's tokenizer has no mask token to look for"));
  }

  private int[] targetIds(List<String> targets) {
    Set<Integer> ids = new LinkedHashSet<>();
    for (String target : targets) {
      ids.add(tokenizer.id(target).orElseGet(() -> firstPiece(target)));
    }
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  private int firstPiece(String target) {
    int[] ids =
        tokenizer
            .tokenize(target, null, false, Truncation.NONE, Integer.MAX_VALUE)
            .encoding()
            .ids();
    if (ids.length == 0) {
      throw new IllegalArgumentException(
          "the target '%s' has no token; give words of the vocabulary".formatted(target));
    }
    return ids[0];
  }
}
