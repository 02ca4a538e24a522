using System.Security.Cryptography;
using System.Text;
using SloEngine.Otlp.Hashing;

namespace SloEngine.Collector.Ingest;

/// <summary>Keys of the hashes by which raw bytes are recognised: secret to this process, and of each tenant its own, so that identities of two never meet.</summary>
internal sealed class TenantKeys
{
    private readonly UInt128 _secret = new(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)), BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));

    public UInt128 Of(string tenant) => SipHash128.Hash(Encoding.UTF8.GetBytes(tenant), _secret);
}
