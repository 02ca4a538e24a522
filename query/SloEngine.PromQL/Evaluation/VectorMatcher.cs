using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Matches the series of two vectors and applies an operation to their samples.</summary>
internal sealed class VectorMatcher
{
    private readonly Binary _binary;
    private readonly VectorMatching _matching;
    private readonly ElementOperation _operation;
    private readonly int _steps;
    /// <summary>Whether the "many" side is the right one; below it always stands first.</summary>
    private readonly bool _swapped;
    private readonly SeriesMerger _results = new();

    public VectorMatcher(Binary binary, ElementOperation operation, int steps)
    {
        (_binary, _matching, _operation, _steps) = (binary, binary.Matching!, operation, steps);
        _swapped = _matching.Cardinality == MatchCardinality.OneToMany;
    }

    public StepVector Match(StepVector left, StepVector right)
    {
        (StepVector many, StepVector one) = _swapped ? (right, left) : (left, right);
        bool[] active = Active(many, one);
        Dictionary<Labels, List<StepSeries>> ones = BySignature(one);
        Dictionary<Labels, List<StepSeries>> manys = BySignature(many);
        foreach ((Labels signature, List<StepSeries> series) in ones)
        {
            CheckUnique(signature, series, active);
        }
        foreach ((Labels signature, List<StepSeries> series) in manys)
        {
            MatchGroup(signature, series, ones.GetValueOrDefault(signature, []), active);
        }
        if (_matching.FillLeft is not null)
        {
            foreach ((Labels signature, List<StepSeries> series) in ones.Where(entry => !manys.ContainsKey(entry.Key)))
            {
                MatchGroup(signature, [], series, active);
            }
        }
        return new StepVector([.. _results.Series.Where(static series => series.HasAny())]);
    }

    /// <summary>Steps where anything can match: with an empty side nothing does, and nothing is wrong either, unless it is filled in.</summary>
    private bool[] Active(StepVector many, StepVector one)
    {
        bool fills = (_matching.FillLeft ?? _matching.FillRight) is not null;
        var active = new bool[_steps];
        for (int step = 0; step < _steps; step++)
        {
            int at = step;
            active[step] = fills || (many.Series.Exists(series => series.Has(at)) && one.Series.Exists(series => series.Has(at)));
        }
        return active;
    }

    private Dictionary<Labels, List<StepSeries>> BySignature(StepVector vector)
    {
        var all = new Dictionary<Labels, List<StepSeries>>();
        foreach (StepSeries series in vector.Series)
        {
            Labels signature = Signature.Of(series.Labels, _matching);
            if (!all.TryGetValue(signature, out List<StepSeries>? same))
            {
                all.Add(signature, same = []);
            }
            same.Add(series);
        }
        return all;
    }

    /// <exception cref="PromQLEvaluationException">Two series of the "one" side match the same.</exception>
    private void CheckUnique(Labels signature, List<StepSeries> series, bool[] active)
    {
        for (int step = 0; step < _steps && series.Count > 1; step++)
        {
            int at = step;
            if (!active[step] || series.Count(one => one.Has(at)) < 2)
            {
                continue;
            }
            string[] duplicates = [.. series.Where(one => one.Has(at)).Take(2).Select(one => one.Labels.ToString())];
            Array.Sort(duplicates, StringComparer.Ordinal);
            throw new PromQLEvaluationException(
                QueryFailure.Execution,
                $"found duplicate series for the match group {signature} on the {(_swapped ? "left" : "right")} hand-side of the operation: "
                + $"[{duplicates[0]}, {duplicates[1]}]"
                + ";many-to-many matching not allowed: matching labels must be unique on one side");
        }
    }

    private void MatchGroup(Labels signature, List<StepSeries> manys, List<StepSeries> ones, bool[] active)
    {
        var matched = new MatchedSteps(_steps, _matching.Cardinality == MatchCardinality.OneToOne);
        foreach (StepSeries many in manys)
        {
            foreach (StepSeries one in ones)
            {
                Pair(many, one, matched, active, static (left, right, step) => left!.Has(step) && right!.Has(step), default);
            }
            if (_matching.FillRight is { } fill)
            {
                Pair(many, null, matched, active, (left, _, step) => left!.Has(step) && !ones.Exists(one => one.Has(step)), fill, signature);
            }
        }
        if (_matching.FillLeft is { } missing)
        {
            foreach (StepSeries one in ones)
            {
                Pair(null, one, matched, active, (_, right, step) => right!.Has(step) && !matched.Any(step), missing, signature);
            }
        }
    }

    /// <summary>Applies the operation to two series at the steps where they match; one may be missing, and be filled in by a value.</summary>
    private void Pair(
        StepSeries? many, StepSeries? one, MatchedSteps matched, bool[] active,
        Func<StepSeries?, StepSeries?, int, bool> match, double fill, Labels? signature = null)
    {
        Labels labels = ResultLabels(many?.Labels ?? signature!, one?.Labels ?? signature!);
        bool[] same = matched.Of(labels);
        bool dropName = _binary.ReturnBool || (many?.DropName ?? false);
        StepSeries? result = null;
        for (int step = 0; step < _steps; step++)
        {
            if (!active[step] || !match(many, one, step))
            {
                continue;
            }
            StepSample first = many?[step] ?? StepSample.Of(fill);
            StepSample second = one?[step] ?? StepSample.Of(fill);
            ElementResult element = _swapped ? _operation.Apply(second, first) : _operation.Apply(first, second);
            if (element.Failed)
            {
                continue;
            }
            matched.Add(step, same);
            if (element.Holds || _binary.ReturnBool)
            {
                result ??= StepSeries.Empty(labels, _steps, dropName);
                result[step] = _binary.ReturnBool ? StepSample.Of(element.Holds ? 1 : 0) : element.Value;
            }
        }
        if (result is not null)
        {
            _results.Add(result);
        }
    }

    private Labels ResultLabels(Labels many, Labels one)
    {
        bool dropsName = _binary.Operator is "+" or "-" or "*" or "/" or "%" or "^" or "atan2";
        Labels labels = dropsName ? many.WithoutName() : many;
        if (_matching.Cardinality == MatchCardinality.OneToOne)
        {
            labels = _matching.On ? labels.Where(_matching.Labels.Contains) : labels.Where(name => !_matching.Labels.Contains(name));
        }
        foreach (string include in _matching.Include)
        {
            labels = labels.With(include, one[include]);
        }
        return labels;
    }

    /// <summary>At which steps something in a group has matched, to find matches that are not unique.</summary>
    private sealed class MatchedSteps(int steps, bool oneToOne)
    {
        private readonly bool[] _any = new bool[steps];
        private readonly Dictionary<Labels, bool[]> _byLabels = [];

        public bool Any(int step) => _any[step];

        /// <summary>Steps at which results with certain labels are there already.</summary>
        public bool[] Of(Labels labels)
        {
            if (oneToOne)
            {
                return _any;
            }
            if (!_byLabels.TryGetValue(labels, out bool[]? matched))
            {
                _byLabels.Add(labels, matched = new bool[_any.Length]);
            }
            return matched;
        }

        /// <exception cref="PromQLEvaluationException">There is a result already.</exception>
        public void Add(int step, bool[] same)
        {
            if (same[step])
            {
                throw new PromQLEvaluationException(QueryFailure.Execution, oneToOne
                    ? "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                    : "multiple matches for labels: grouping labels must ensure unique matches");
            }
            same[step] = true;
            _any[step] = true;
        }
    }
}
