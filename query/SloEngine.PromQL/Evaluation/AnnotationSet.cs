namespace SloEngine.PromQL.Evaluation;

/// <summary>Remarks of one evaluation: each text once, at the place that was noticed last.</summary>
internal sealed class AnnotationSet
{
    private readonly Dictionary<(AnnotationKind, string), Annotation> _all = [];

    public IReadOnlyList<Annotation> All => [.. _all.Values];

    public void Add(Annotation annotation)
    {
        (AnnotationKind Kind, string Message) key = (annotation.Kind, annotation.Message);
        _all[key] = _all.TryGetValue(key, out Annotation? earlier) ? annotation.Merge(earlier) : annotation;
    }

    /// <summary>Adds those of a part of the evaluation.</summary>
    public void Add(AnnotationSet part)
    {
        foreach (Annotation annotation in part._all.Values)
        {
            Add(annotation);
        }
    }
}
