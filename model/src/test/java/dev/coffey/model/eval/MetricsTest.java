package dev.coffey.model.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/// Expected numbers were computed with scikit-learn 1.9, SciPy 1.17, seqeval 1.2 and the
/// definitions of SQuAD's evaluation script, version 2.
class MetricsTest {
  private static final Offset<Double> ROUNDING = within(1e-14);

  @Test
  void confusions_severalLabels_equalScikitLearn() {
    Confusions confusions = confusions("a b b c a c b a d a", "a b c c b c b a a e");
    assertThat(confusions.total()).isEqualTo(10);
    assertThat(confusions.accuracy()).isEqualTo(0.6);
    assertThat(confusions.macroF1()).isCloseTo(0.4076190476190476, ROUNDING);
    assertThat(confusions.matthews()).isCloseTo(0.4648348401006841, ROUNDING);
    assertThat(confusions.f1("a")).isCloseTo(0.5714285714285714, ROUNDING);
    assertThat(confusions.f1("c")).isCloseTo(0.8, ROUNDING);
    assertThat(confusions.f1("d")).as("never given").isZero();
    assertThat(confusions.f1("e")).as("never right").isZero();
    assertThat(confusions.f1("x")).as("nowhere").isZero();
  }

  @Test
  void confusions_twoLabels_equalScikitLearn() {
    Confusions confusions = confusions("1 0 1 1 0 0 1", "1 0 0 1 1 0 1");
    assertThat(confusions.accuracy()).isCloseTo(0.7142857142857143, ROUNDING);
    assertThat(confusions.f1("1")).isEqualTo(0.75);
    assertThat(confusions.matthews()).isCloseTo(0.4166666666666667, ROUNDING);
  }

  @Test
  void matthews_oneLabelOnly_isZero() {
    assertThat(confusions("1 0 1", "1 1 1").matthews()).isZero();
  }

  private static Confusions confusions(String right, String given) {
    Confusions confusions = new Confusions();
    for (int i = 0; i < right.length(); i += 2) {
      confusions.add(right.substring(i, i + 1), given.substring(i, i + 1));
    }
    return confusions;
  }

  /// Equal numbers in both series: with ranks in order instead of shared ones it is another number.
  @Test
  void correlation_tiedNumbers_equalSciPy() {
    double[] a = {1, 2.5, 2.5, -3, 0.25, 7, 2.5};
    double[] b = {0.5, 0.5, 3, -1, 2, 2, 4};
    assertThat(Correlation.pearson(a, b)).isCloseTo(0.5452423895230237, ROUNDING);
    assertThat(Correlation.spearman(a, b)).isCloseTo(0.547267233169888, ROUNDING);
    assertThat(Correlation.spearman(a, a)).isCloseTo(1, ROUNDING);
    assertThat(Correlation.pearson(a, new double[7])).isNaN();
    assertThatThrownBy(() -> Correlation.pearson(a, new double[6]))
        .hasMessage("correlation of 7 numbers with 6; expected as many");
  }

  @Test
  void answers_normalized_equalSquad() {
    AnswerScore score = new AnswerScore();
    score.add(List.of("the Denver Broncos", "Denver Broncos"), "Denver  broncos!");
    assertThat(score.exactMatch()).isEqualTo(1);
    score.add(List.of("24–10", "in 1903"), "the year 1903");
    assertThat(score.f1()).isEqualTo(0.75);
    score.add(List.of(), "");
    score.add(List.of(), "Oslo");
    score.add(List.of("a the", "Émile"), "émile");
    score.add(List.of("the tall old tree by a tree"), "tree tree tree");
    score.add(List.of("x"), "");
    score.add(List.of("an owl"), "Owl");
    assertThat(score.total()).isEqualTo(8);
    assertThat(score.exactMatch()).isEqualTo(0.5);
    assertThat(score.f1()).isEqualTo(0.625);
  }

  @Test
  void entities_brokenTags_equalSeqeval() {
    EntityScore score = new EntityScore();
    add(score, "B-PER I-PER O B-LOC", "B-PER I-PER O B-PER");
    add(score, "O I-ORG I-ORG B-ORG O", "O B-ORG I-ORG I-ORG O");
    add(score, "B-PER B-PER I-LOC", "I-PER I-PER I-LOC");
    add(score, "O", "B-MISC");
    add(score, "B-PER O I-PER", "B-PER O B-PER");
    assertThat(score.precision()).isEqualTo(0.5);
    assertThat(score.recall()).isCloseTo(0.4444444444444444, ROUNDING);
    assertThat(score.f1()).isCloseTo(0.47058823529411764, ROUNDING);
    assertThat(score.wordAccuracy()).isEqualTo(0.5625);
    assertThat(score.f1ByLabel())
        .isEqualTo(Map.of("LOC", 2 / 3.0, "MISC", 0.0, "ORG", 0.0, "PER", 0.6));
    assertThatThrownBy(() -> add(score, "O O", "O"))
        .hasMessage("a sentence of 2 words with 1 tags");
  }

  private static void add(EntityScore score, String right, String given) {
    score.add(List.of(right.split(" ")), List.of(given.split(" ")));
  }
}
