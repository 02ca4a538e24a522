using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Testing;

namespace SloEngine.PromQL.Tests;

/// <summary>Whatever parses has a result or a proper error, whatever the samples are.</summary>
public sealed class EvaluationRobustnessTests
{
    private static readonly PromQLEngine Engine = new(new EngineOptions { UseStartTimes = true });

    [Fact]
    public async Task Every_function_takes_every_kind_of_sample()
    {
        foreach ((string name, FunctionSignature signature) in Functions.All)
        {
            for (int count = signature.Variadic == 0 ? signature.Arguments.Length : signature.Arguments.Length - 1; count <= signature.Arguments.Length; count++)
            {
                string arguments = string.Join(", ", signature.Arguments.Take(count).Select((type, index) => Argument(name, type, index)));
                await EvaluateAsync($"{name}({arguments})");
                await EvaluateAsync($"sum by (kind) ({(signature.Result == ExprType.Scalar ? $"vector({name}({arguments}))" : $"{name}({arguments})")})");
            }
        }
    }

    [Fact]
    public async Task Every_operator_takes_every_kind_of_sample()
    {
        string[] operators = ["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "</", ">/", "and", "or", "unless"];
        foreach (string operation in operators)
        {
            await EvaluateAsync($"m {operation} m");
            await EvaluateAsync($"m {operation} on (kind) n");
            if (operation is not ("and" or "or" or "unless"))
            {
                await EvaluateAsync($"m {operation} 2");
                await EvaluateAsync($"2 {operation} m");
                await EvaluateAsync($"m {operation} ignoring (x) group_left (y) fill (0) n");
            }
        }
        foreach (string aggregation in (string[])["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"])
        {
            await EvaluateAsync($"{aggregation} without (kind) (m)");
        }
        foreach (string aggregation in (string[])["topk", "bottomk", "limitk", "quantile", "limit_ratio"])
        {
            await EvaluateAsync($"{aggregation}(0.7, m)");
            await EvaluateAsync($"{aggregation} by (kind) (2, m)");
            await EvaluateAsync($"{aggregation}(NaN, m)");
        }
        await EvaluateAsync("count_values(\"v\", m)");
    }

    [Fact]
    public async Task Real_expressions_can_be_evaluated()
    {
        if (Conformance.Find("rules/expressions/expressions.txt") is not { } path)
        {
            return;
        }
        foreach (string line in await File.ReadAllLinesAsync(path))
        {
            await EvaluateAsync(line);
        }
    }

    private static string Argument(string function, ExprType type, int index) => type switch
    {
        ExprType.Scalar => "0.3",
        ExprType.String => index == 1 ? "\"kind\"" : "\"$1\"",
        ExprType.RangeVector => "m[5m]",
        _ => function == "info" && index == 1 ? "{x=~\".*\"}" : "m",
    };

    private static async Task EvaluateAsync(string query)
    {
        Expr expression = PromQLParser.Parse(query, ParserOptions.All);
        foreach (int samples in (int[])[0, 1, 12])
        {
            var source = new AnySeries(samples);
            try
            {
                await Engine.InstantAsync(expression, source, 600_000, default);
                if (expression.Type is ExprType.Scalar or ExprType.InstantVector)
                {
                    await Engine.RangeAsync(expression, source, 0, 900_000, 60_000, default);
                }
            }
            catch (PromQLEvaluationException)
            {
                // Refused in words, as it should be.
            }
        }
    }

    /// <summary>For any selector series of floats, of histograms of both kinds, and of a mix of them.</summary>
    private sealed class AnySeries(int samples) : ISeriesSource
    {
        public async ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation)
        {
            var series = new MemorySeries();
            string name = selection.Matchers.FirstOrDefault(matcher => matcher.Label == Labels.MetricName)?.Value ?? "m";
            foreach (string kind in (string[])["float", "exponential", "custom", "mixed", "odd"])
            {
                Labels labels = Labels.Of([new(Labels.MetricName, name), new("kind", kind), new("le", "1"), new("job", "j"), new("instance", kind)]);
                for (int index = 0; index < samples; index++)
                {
                    series.Add(labels, index * 60_000, Value(kind, index), index % 5 == 0 ? (index * 60_000) - 1 : 0);
                }
            }
            return await series.SelectAsync(selection with { Matchers = [] }, cancellation);
        }

        private static SequenceValue Value(string kind, int index) => kind switch
        {
            "float" => new(index % 7),
            "odd" => new(index % 4 switch { 0 => double.NaN, 1 => double.PositiveInfinity, 2 => double.NegativeInfinity, _ => Sample.Absent }),
            "exponential" => new(0, Exponential(index)),
            "custom" => new(0, new FloatHistogram
            {
                Schema = FloatHistogram.CustomSchema, Count = index, Sum = index, CustomBounds = index % 3 == 0 ? [1, 2] : [2, 3], Positive = BucketCounts.From(0, [index, 0, 1]),
            }),
            _ => index % 2 == 0 ? new(index) : new(0, Exponential(index)),
        };

        private static FloatHistogram Exponential(int index) => new()
        {
            Schema = index % 4,
            Count = 10 - (index % 3),
            Sum = index % 5 == 0 ? double.NaN : index,
            ZeroCount = index % 2,
            ZeroThreshold = index % 3 == 0 ? 0.001 : 1.5,
            Positive = BucketCounts.From(-2, [1, 2, 0, 3]),
            Negative = index % 2 == 0 ? BucketCounts.None : BucketCounts.From(1, [1, 1]),
        };
    }
}
