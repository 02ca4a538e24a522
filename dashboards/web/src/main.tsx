import { lazy, StrictMode, Suspense, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter, Link, NavLink, Route, Routes } from 'react-router-dom';
import { Alerts } from './pages/Alerts';
import { Dashboards } from './pages/Dashboards';
import { Logs } from './pages/Logs';
import { Scaling } from './pages/Scaling';
import { Services } from './pages/Services';
import { SloList } from './pages/SloList';
import { SloPage } from './pages/SloPage';
import { Page } from './ui';
import './style.css';

// Perses is large: its pages are fetched when one is first opened.
const DashboardPage = lazy(() => import('./perses/DashboardPage'));
const ServiceDashboard = lazy(async () => ({ default: (await import('./perses/DashboardPage')).ServiceDashboard }));
const MetricsExplorer = lazy(async () => ({ default: (await import('./perses/Explorer')).MetricsExplorer }));
const TraceExplorer = lazy(async () => ({ default: (await import('./perses/Explorer')).TraceExplorer }));
const TracePage = lazy(() => import('./perses/TracePage'));

const places = [
  ['/', 'SLOs'],
  ['/alerts', 'Alerts'],
  ['/services', 'Services'],
  ['/scaling', 'Scaling'],
  ['/dashboards', 'Dashboards'],
  ['/metrics-explorer', 'Metrics'],
  ['/logs', 'Logs'],
  ['/traces', 'Traces'],
] as const;

function App() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? 'light');
  const toggle = () => {
    const next = theme === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset.theme = next;
    localStorage.setItem('theme', next);
    setTheme(next);
  };
  return (
    <>
      <nav className="top" aria-label="Main">
        <Link className="brand" to="/">
          SloEngine
        </Link>
        {places.map(([path, name]) => (
          <NavLink key={path} to={path} end={path === '/'}>
            {name}
          </NavLink>
        ))}
        <button type="button" className="theme" onClick={toggle} aria-label={theme === 'dark' ? 'Light theme' : 'Dark theme'}>
          {theme === 'dark' ? '☀' : '☾'}
        </button>
      </nav>
      {/* Charts read their colours once: a new theme draws them anew. */}
      <div key={theme}>
        <Suspense fallback={<Page title="Loading">{null}</Page>}>
          <Routes>
            <Route path="/" element={<SloList />} />
            <Route path="/slos/:id" element={<SloPage />} />
            <Route path="/alerts" element={<Alerts />} />
            <Route path="/services" element={<Services />} />
            <Route path="/services/:name" element={<ServiceDashboard />} />
            <Route path="/dashboards" element={<Dashboards />} />
            <Route path="/dashboards/:name" element={<DashboardPage />} />
            <Route path="/scaling" element={<Scaling />} />
            <Route path="/metrics-explorer" element={<MetricsExplorer />} />
            <Route path="/logs" element={<Logs />} />
            <Route path="/traces" element={<TraceExplorer />} />
            {/* Where links inside Perses' trace explorer lead. */}
            <Route path="/explore" element={<TraceExplorer />} />
            <Route path="/traces/:id" element={<TracePage />} />
            <Route path="*" element={<Page title="Not found">There is no such page.</Page>} />
          </Routes>
        </Suspense>
      </div>
    </>
  );
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <BrowserRouter>
      <App />
    </BrowserRouter>
  </StrictMode>,
);
