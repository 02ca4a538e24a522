using System.Globalization;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Testing;

/// <summary>
/// Reads series as scripts and rule tests write them: labels, and values that may be repeated or counted up
/// (prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules, "series").
/// </summary>
public static class SeriesNotation
{
    /// <summary>Repetitions one item may ask for.</summary>
    private const int MaxRepetitions = 1_000_000;

    /// <summary>Reads a whole line.</summary>
    /// <exception cref="PromQLParseException">The line is no series.</exception>
    public static (Labels Labels, IReadOnlyList<SequenceValue> Values) Read(string line)
    {
        int end = LabelsEnd(line);
        Labels labels = ReadLabels(line, end);
        var reader = new NotationReader(line) { Position = end };
        return (labels, ReadValues(reader));
    }

    /// <summary>Reads values separated by spaces.</summary>
    /// <exception cref="PromQLParseException">They are no values.</exception>
    public static IReadOnlyList<SequenceValue> ReadValues(string text) => ReadValues(new NotationReader(" " + text));

    internal static Labels ReadLabels(string line, int end)
    {
        string text = line[..end].Trim();
        if (text is "" or "{}")
        {
            return Labels.Empty;
        }
        return PromQLParser.ParseMetric(line[..end]);
    }

    /// <summary>Where labels end: behind the closing brace, or at the first space.</summary>
    internal static int LabelsEnd(string line)
    {
        int position = 0;
        while (position < line.Length && line[position] is not ('{' or ' ' or '\t'))
        {
            position++;
        }
        int brace = position;
        while (brace < line.Length && line[brace] is ' ' or '\t')
        {
            brace++;
        }
        if (brace >= line.Length || line[brace] != '{' || line.AsSpan(brace).StartsWith("{{") || (brace > position && position > 0))
        {
            return position;
        }
        char quote = '\0';
        for (int index = brace + 1; index < line.Length; index++)
        {
            if (quote != '\0')
            {
                if (line[index] == '\\' && quote != '`')
                {
                    index++;
                }
                else if (line[index] == quote)
                {
                    quote = '\0';
                }
            }
            else if (line[index] is '"' or '\'' or '`')
            {
                quote = line[index];
            }
            else if (line[index] == '}')
            {
                return index + 1;
            }
        }
        return line.Length;
    }

    private static List<SequenceValue> ReadValues(NotationReader reader)
    {
        var values = new List<SequenceValue>();
        while (!reader.AtEnd)
        {
            if (reader.Current is not (' ' or '\t'))
            {
                throw reader.Unexpected(reader.Position, "series values");
            }
            reader.SkipSpace();
            if (!reader.AtEnd)
            {
                ReadItem(reader, values);
            }
        }
        return values;
    }

    private static void ReadItem(NotationReader reader, List<SequenceValue> values)
    {
        if (reader.Take("_"))
        {
            values.AddRange(Enumerable.Repeat(new SequenceValue(0, IsOmitted: true), Repetitions(reader, 1, 0)));
        }
        else if (reader.Take("{{"))
        {
            ReadHistograms(reader, values);
        }
        else if (reader.Take("stale"))
        {
            values.AddRange(Enumerable.Repeat(new SequenceValue(Sample.Absent), Repetitions(reader, 1, 1)));
        }
        else
        {
            double value = reader.Number();
            double step = 0;
            if (reader.Current is '+' or '-')
            {
                int sign = reader.Position;
                step = reader.Number();
                if (reader.Current != 'x')
                {
                    throw reader.Unexpected(Math.Max(sign, reader.Position), "series values");
                }
            }
            int count = Repetitions(reader, 1, 1);
            for (int index = 0; index < count; index++)
            {
                values.Add(new SequenceValue(value));
                value += step;
            }
        }
    }

    private static void ReadHistograms(NotationReader reader, List<SequenceValue> values)
    {
        (FloatHistogram histogram, bool hintIsGiven) = HistogramNotation.Read(reader);
        if (reader.Current is not ('+' or '-'))
        {
            values.AddRange(Enumerable.Repeat(new SequenceValue(0, histogram, HintIsGiven: hintIsGiven), Repetitions(reader, 1, 1)));
            return;
        }
        bool plus = reader.Current == '+';
        reader.Position++;
        if (!reader.Take("{{"))
        {
            throw reader.Unexpected(reader.Position, "series values");
        }
        (FloatHistogram step, hintIsGiven) = HistogramNotation.Read(reader);
        if (reader.Current != 'x')
        {
            throw reader.Unexpected(reader.Position, "series values");
        }
        int repetitions = reader.Position + 1;
        int count = Repetitions(reader, 1, 1);
        for (int index = 0; index < count; index++)
        {
            values.Add(new SequenceValue(0, histogram, HintIsGiven: hintIsGiven));
            if (index + 1 < count)
            {
                histogram = Next(reader, repetitions, histogram, step, plus);
            }
        }
    }

    private static FloatHistogram Next(NotationReader reader, int position, FloatHistogram histogram, FloatHistogram step, bool plus)
    {
        if (histogram.Schema > step.Schema)
        {
            throw reader.Wrong(
                string.Create(CultureInfo.InvariantCulture, $"error combining histograms: cannot merge from schema {step.Schema} to {histogram.Schema}"),
                position);
        }
        if (!HistogramArithmetic.Fit(histogram, step))
        {
            throw reader.Wrong("cannot apply this operation on histograms with a mix of exponential and custom bucket schemas", position);
        }
        return plus ? HistogramArithmetic.Add(histogram, step).Sum : HistogramArithmetic.Subtract(histogram, step).Sum;
    }

    /// <summary>The count behind an x, with one more value for those that count the first.</summary>
    private static int Repetitions(NotationReader reader, int without, int additional)
    {
        if (!reader.Take("x"))
        {
            return without;
        }
        int start = reader.Position;
        int count = reader.Integer("series values");
        return count is >= 0 and <= MaxRepetitions
            ? count + additional
            : throw reader.Wrong("invalid repetition in series values", start);
    }
}
