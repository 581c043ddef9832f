package dev.coffey.model.eval;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// A text, or a pair, with its right label or number.
///
/// @param label as the file has it
public record LabelledText(String text, Optional<String> pair, String label) {
  /// Which columns of a file hold what: each is a name of the first line, or a number from 1. Where
  /// one is a name, the first line is a header, else it is data.
  ///
  /// @param pair the second text, if there is one
  public record Columns(String text, Optional<String> pair, String label) {
    private List<String> all() {
      List<String> all = new ArrayList<>(List.of(text, label));
      pair.ifPresent(all::add);
      return all;
    }
  }

  /// The rows of a file whose columns are parted by tabs. Quotes are part of a text, as in the GLUE
  /// files; empty lines are passed over; columns that are not asked for may be missing.
  ///
  /// @throws DataException if the file can't be read, or a column is not there: with the line
  public static List<LabelledText> read(Path file, Columns columns) {
    List<String> lines = DataFile.lines(file);
    boolean header = columns.all().stream().anyMatch(column -> !number(column));
    List<String> names = header ? cells(lines.getFirst()) : List.of();
    int text = place(file, names, columns.text());
    int label = place(file, names, columns.label());
    Optional<Integer> pair = columns.pair().map(column -> place(file, names, column));
    List<LabelledText> rows = new ArrayList<>();
    for (int i = header ? 1 : 0; i < lines.size(); i++) {
      if (!lines.get(i).isEmpty()) {
        Row row = new Row(file, i + 1, cells(lines.get(i)));
        rows.add(new LabelledText(row.cell(text), pair.map(row::cell), row.cell(label)));
      }
    }
    return rows;
  }

  private static boolean number(String column) {
    return column.matches("[1-9][0-9]{0,4}");
  }

  private static List<String> cells(String line) {
    return Arrays.asList(line.split("\t", -1));
  }

  private static int place(Path file, List<String> names, String column) {
    int named = names.indexOf(column);
    if (named < 0 && !number(column)) {
      throw new DataException(
          "%s: no column '%s'; its columns are %s".formatted(file, column, names));
    }
    return named >= 0 ? named : Integer.parseInt(column) - 1;
  }

  /// One line.
  private record Row(Path file, int line, List<String> cells) {
    String cell(int place) {
      if (place >= cells.size()) {
        throw new DataException(
            "%s: line %d has %d columns; column %d is wanted"
                .formatted(file, line, cells.size(), place + 1));
      }
      return cells.get(place);
    }
  }
}
