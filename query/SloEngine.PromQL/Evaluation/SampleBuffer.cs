using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Room for the samples of one packed series, which the next one takes over: the columns of a month are too large to be made anew for each.</summary>
internal sealed class SampleBuffer
{
    private long[] _timesMs = [];
    private double[] _values = [];

    /// <summary>Unpacks a series into the beginnings of two arrays; they hold until the next one.</summary>
    public (long[] TimesMs, double[] Values) Unpack(IPackedSamples packed)
    {
        if (_timesMs.Length < packed.Count)
        {
            int room = Math.Max(packed.Count, _timesMs.Length * 2);
            (_timesMs, _values) = (GC.AllocateUninitializedArray<long>(room), GC.AllocateUninitializedArray<double>(room));
        }
        packed.Unpack(_timesMs, _values);
        return (_timesMs, _values);
    }
}
