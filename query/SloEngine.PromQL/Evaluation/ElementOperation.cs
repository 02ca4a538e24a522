using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Result of an operation on two samples.</summary>
/// <param name="Value">What it gives; for a comparison the left side.</param>
/// <param name="Holds">Whether it has a result: false where a comparison does not hold.</param>
/// <param name="Failed">Whether the samples do not fit the operation.</param>
internal readonly record struct ElementResult(StepSample Value, bool Holds, bool Failed)
{
    public static readonly ElementResult Incompatible = new(StepSample.None, false, true);
}

/// <summary>A binary operation on two samples, floats or histograms.</summary>
internal sealed class ElementOperation(Binary binary, AnnotationSet annotations)
{
    public static double Number(string operation, double left, double right) => operation switch
    {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "%" => left % right,
        "^" => Math.Pow(left, right),
        "atan2" => Math.Atan2(left, right),
        _ => Holds(operation, left, right) ? 1 : 0,
    };

    public static bool Holds(string operation, double left, double right) => operation switch
    {
        "==" => left == right,
        "!=" => left != right,
        ">" => left > right,
        "<" => left < right,
        ">=" => left >= right,
        _ => left <= right,
    };

    public ElementResult Apply(StepSample left, StepSample right)
    {
        if (left.Histogram is null && right.Histogram is null)
        {
            if (binary.IsComparison)
            {
                return new ElementResult(left, Holds(binary.Operator, left.Value, right.Value), false);
            }
            return binary.Operator is "</" or ">/"
                ? Incompatible("float", "float")
                : new ElementResult(StepSample.Of(Number(binary.Operator, left.Value, right.Value)), true, false);
        }
        if (left.Histogram is null)
        {
            return binary.Operator == "*" ? Of(right.Histogram!.Times(left.Value).Compact()) : Incompatible("float", "histogram");
        }
        return right.Histogram is null ? WithNumber(left.Histogram, right.Value) : WithHistogram(left.Histogram, right.Histogram);
    }

    private ElementResult WithNumber(FloatHistogram left, double right) => binary.Operator switch
    {
        "*" => Of(left.Times(right).Compact()),
        "/" => Of(left.DividedBy(right).Compact()),
        "</" => Of(HistogramTrim.Trim(left, right, keepBelow: true)),
        ">/" => Of(HistogramTrim.Trim(left, right, keepBelow: false)),
        _ => Incompatible("histogram", "float"),
    };

    private ElementResult WithHistogram(FloatHistogram left, FloatHistogram right)
    {
        switch (binary.Operator)
        {
            case "+" or "-":
                return Sum(left, right);
            case "==" or "!=":
                bool same = left.Matches(right);
                return new ElementResult(StepSample.Of(left), same == (binary.Operator == "=="), false);
            default:
                return Incompatible("histogram", "histogram");
        }
    }

    private ElementResult Sum(FloatHistogram left, FloatHistogram right)
    {
        if (!HistogramArithmetic.Fit(left, right))
        {
            annotations.Add(Remarks.IncompatibleBuckets(binary.Operator, binary.Range));
            return ElementResult.Incompatible;
        }
        bool plus = binary.Operator == "+";
        string operation = plus ? "addition" : "subtraction";
        HistogramSum sum = plus ? HistogramArithmetic.Add(left, right) : HistogramArithmetic.Subtract(left, right);
        if (sum.HintsCollide)
        {
            annotations.Add(Remarks.HintsCollide(operation, binary.Range));
        }
        if (sum.BoundsReconciled)
        {
            annotations.Add(Remarks.BoundsReconciled(operation, binary.Range));
        }
        return Of((plus ? sum.Sum : sum.Sum with { Hint = CounterResetHint.Gauge }).Compact());
    }

    private ElementResult Incompatible(string left, string right)
    {
        annotations.Add(Remarks.IncompatibleTypes(left, binary.Operator, right, binary.Range));
        return ElementResult.Incompatible;
    }

    private static ElementResult Of(FloatHistogram histogram) => new(StepSample.Of(histogram), true, false);
}
