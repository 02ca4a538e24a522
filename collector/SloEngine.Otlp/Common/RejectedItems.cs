using System.Runtime.CompilerServices;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Common;

/// <summary>
/// Which items of a request (points, records, spans, exemplars) are rejected, by their places in the order of decoding. What was rejected depends on clocks, limits, and what else its tenant had; a request that is
/// decoded again passes over what was rejected the first time. Noted as pairs of varints: how many items were kept, and how many behind them were rejected.
/// </summary>
internal sealed class RejectedItems
{
    private ProtobufWriter? _noted;
    private ReadOnlyMemory<byte> _known;
    private int _place;
    private (int From, int Until) _pass;
    private (int From, int Until) _open;
    private int _notedUntil;

    /// <summary>A request begins.</summary>
    /// <param name="known">What was noted when it was decoded before; empty the first time.</param>
    public void Begin(ReadOnlyMemory<byte> known)
    {
        (_place, _notedUntil, _open, _noted) = (-1, 0, default, null);
        (_known, _pass) = (known, default);
        ReadKnown();
    }

    /// <summary>Goes to the next item; false when it is to be passed over.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Next() => ++_place < _pass.From || !IsPassed();

    /// <summary>Notes the item as rejected.</summary>
    public void Reject()
    {
        if (_place == _open.Until && _open.Until > 0)
        {
            _open.Until++;
            return;
        }
        Close();
        _open = (_place, _place + 1);
    }

    /// <summary>What was noted since the beginning; empty when nothing was.</summary>
    public ReadOnlyMemory<byte> Noted()
    {
        Close();
        return _noted?.Written ?? default;
    }

    private bool IsPassed()
    {
        if (_place >= _pass.Until)
        {
            ReadKnown();
        }
        return _place >= _pass.From;
    }

    private void ReadKnown()
    {
        int kept = Varint.Read(_known.Span, out ulong gap);
        int passed = Varint.Read(_known.Span[kept..], out ulong length);
        _known = _known[(kept + passed)..];
        _pass = passed == 0 ? (int.MaxValue, int.MaxValue) : (_pass.Until + (int)gap, _pass.Until + (int)gap + (int)length);
    }

    private void Close()
    {
        if (_open.Until > _open.From)
        {
            _noted ??= new ProtobufWriter();
            _noted.Element((ulong)(_open.From - _notedUntil));
            _noted.Element((ulong)(_open.Until - _open.From));
            _notedUntil = _open.Until;
        }
        _open = default;
    }
}
